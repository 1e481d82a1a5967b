//! Loops over registers.

/// Runs a block for every number below a constant of at most 12, each a copy of its own.
///
/// Sums stay in registers only if every index of them is a constant; a loop whose body is long is not unrolled by the
/// compiler, and keeps all of them in memory from the first product on.
macro_rules! unrolled {
    ($index:ident < $count:expr, $body:block) => {
        unrolled!(@ $index, $count, $body, 0 1 2 3 4 5 6 7 8 9 10 11)
    };
    (@ $index:ident, $count:expr, $body:block, $($number:literal)*) => {
        const { assert!($count <= 12) };
        $(if $number < $count {
            let $index: usize = $number;
            $body
        })*
    };
}
pub(crate) use unrolled;
