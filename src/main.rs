//! Parse the command line, call `cli`.

fn main() -> std::process::ExitCode {
    atoll::cli::main()
}
