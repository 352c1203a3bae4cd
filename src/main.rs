//! The `casemail` program: hands its arguments to [`casemail::cli`] and exits with the code that comes back.

use std::process::ExitCode;

fn main() -> ExitCode {
    casemail::cli::main()
}
