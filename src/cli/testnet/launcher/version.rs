//! Versions of the launcher interface, and what flags of a later one are worth.

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::{OsStr, OsString};
use std::str::FromStr;

const FLAG: &str = "--interface-version";
/// Where containers are told the version.
const VARIABLE: &str = "ICP_CLI_NETWORK_LAUNCHER_INTERFACE_VERSION";

/// A version of the interface.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Version([u32; 3]);

/// The newest that is known to the letter.
const OWN: Version = Version([1, 1, 0]);

/// A version that nothing can be done with.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum VersionError {
    #[error("{0:?} is not a version of the launcher interface, e.g. 1.1.0")]
    Form(String),
    #[error(
        "launcher interface version {0} is not supported, but 1.x.y are: use another icp-cli, or another Atoll"
    )]
    Unsupported(String),
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Version, VersionError> {
        let numbers: Result<Vec<u32>, _> = text.split('.').map(str::parse).collect();
        let numbers = numbers.ok().and_then(|numbers| <[u32; 3]>::try_from(numbers).ok());
        numbers.map(Version).ok_or_else(|| VersionError::Form(text.into()))
    }
}

impl Version {
    /// What the flag, or else the environment, says; our own if neither does.
    pub fn asked(flag: Option<&str>) -> Result<Version, VersionError> {
        let variable = || std::env::var(VARIABLE).ok().filter(|text| !text.is_empty());
        flag.map(str::to_string).or_else(variable).map_or(Ok(OWN), |text| text.parse())
    }

    /// # Errors
    /// The version means something else by the same flags.
    pub fn check(self) -> Result<(), VersionError> {
        let [major, minor, patch] = self.0;
        match major == OWN.0[0] {
            true => Ok(()),
            false => Err(VersionError::Unsupported(format!("{major}.{minor}.{patch}"))),
        }
    }

    fn of_arguments(args: &[OsString]) -> Result<Version, VersionError> {
        let words: Vec<&str> = args.iter().map(|arg| arg.to_str().unwrap_or_default()).collect();
        let joined = words.iter().find_map(|word| word.strip_prefix(FLAG)?.strip_prefix('='));
        let apart = words.windows(2).find(|pair| pair[0] == FLAG).map(|pair| pair[1]);
        Version::asked(joined.or(apart))
    }
}

/// The command line, where the launcher's flags may stand without its subcommand. A wrong one ends the process, with
/// what is wrong.
pub fn parse<P: Parser>(given: Vec<OsString>) -> P {
    let mut args = with_subcommand(given);
    // Each turn but the last leaves one argument out.
    for _ in 0..args.len() {
        match P::try_parse_from(&args) {
            Ok(parsed) => return parsed,
            Err(error) => match unknown(&error, &args) {
                Ok(Some(index)) => {
                    let word = args.remove(index);
                    eprintln!("atoll launcher: {} is not known, and left out", word.display());
                }
                Ok(None) => error.exit(),
                Err(wrong) => {
                    eprintln!("atoll launcher: {wrong}");
                    std::process::exit(1);
                }
            },
        }
    }
    P::parse_from(args)
}

fn with_subcommand(mut args: Vec<OsString>) -> Vec<OsString> {
    let flag = |arg: &OsString| arg.to_str().is_some_and(|arg| arg.split('=').next() == Some(FLAG));
    if args.get(1).is_some_and(flag) {
        args.insert(1, "launcher".into());
    }
    args
}

/// The argument that a later version than ours may well know.
fn unknown(error: &clap::Error, args: &[OsString]) -> Result<Option<usize>, VersionError> {
    let launched = args.get(1).is_some_and(|arg| arg == OsStr::new("launcher"));
    if !launched || error.kind() != ErrorKind::UnknownArgument {
        return Ok(None);
    }
    let version = Version::of_arguments(args)?;
    version.check()?;
    let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidArg) else { return Ok(None) };
    let is_it = |arg: &OsString| {
        let text = arg.to_str().unwrap_or_default();
        text == name || text.split('=').next() == Some(name)
    };
    Ok((version > OWN).then(|| args.iter().position(is_it)).flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Parser, Debug)]
    struct Line {
        #[command(subcommand)]
        command: Command,
    }

    #[derive(clap::Subcommand, Debug)]
    enum Command {
        Launcher {
            #[arg(long)]
            interface_version: Option<String>,
            #[arg(long)]
            verbose: bool,
        },
    }

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn a_version_has_three_numbers_and_its_first_decides() {
        let check = |text: &str, expected: Result<(), VersionError>| {
            assert_eq!(text.parse::<Version>().and_then(Version::check), expected, "{text}");
        };
        check("1.1.0", Ok(()));
        check("1.27.3", Ok(()));
        check("0.9.0", Err(VersionError::Unsupported("0.9.0".into())));
        check("2.0.0", Err(VersionError::Unsupported("2.0.0".into())));
        for text in ["", "1", "1.1", "1.1.0.0", "1.1.x", "-1.0.0"] {
            check(text, Err(VersionError::Form(text.into())));
        }
    }

    #[test]
    fn flags_of_a_later_version_are_left_out_and_no_others() {
        let parsed: Line =
            parse(words("atoll --interface-version 1.2.0 --new --newer=7 --newest 8 --verbose"));
        let Command::Launcher { interface_version, verbose } = parsed.command;
        assert_eq!((interface_version.as_deref(), verbose), (Some("1.2.0"), true));
        let check = |text: &str, expected: Result<Option<usize>, VersionError>| {
            let args = with_subcommand(words(text));
            let error = Line::try_parse_from(&args).expect_err("an unknown flag");
            assert_eq!(unknown(&error, &args), expected, "{text}");
        };
        check("atoll --interface-version=1.2.0 --new=7", Ok(Some(3)));
        check("atoll --interface-version 1.1.0 --new", Ok(None));
        check("atoll --interface-version 2.0.0 --new", Err(VersionError::Unsupported("2.0.0".into())));
        check("atoll launcher --new", Ok(None));
        check("atoll --new", Ok(None));
    }
}
