//! Parse the command line, call `cli`, print the error.

fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
