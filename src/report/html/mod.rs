//! Pages of HTML in one file: no script, no font, no request.

#[cfg(test)]
pub(crate) mod check;
pub(crate) mod frame;
pub(crate) mod parts;
