//! The `infa` binary.

fn main() {
    infa::main()
}
