//! Pages of HTML that need nothing else: no script, no font, no request.

#[cfg(test)]
pub(crate) mod check;
pub(crate) mod frame;
pub(crate) mod parts;
