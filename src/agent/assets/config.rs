//! `.ic-assets.json5` (or `.ic-assets.json`) of one folder: rules of what matches which path there and below (rules 2
//! and 3 of the room).

use super::encode::Encoding;
use super::policy::Policy;
use super::wire::Headers;
use globset::{Glob, GlobMatcher};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The files' names; a folder has one of them at most.
pub const NAMES: [&str; 2] = [".ic-assets.json5", ".ic-assets.json"];
/// More than anybody writes.
const CONFIG_BYTES_MAX: u64 = 1024 * 1024;
/// A longer pattern may be more than globset's expressions can be, of which it would panic.
const PATTERN_BYTES_MAX: usize = 1_000;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{0} has more than {CONFIG_BYTES_MAX} bytes")]
    TooLarge(PathBuf),
    #[error("{0} is no file")]
    NoFile(PathBuf),
    #[error("{0} has both .ic-assets.json5 and .ic-assets.json; keep one")]
    Both(PathBuf),
    #[error("{path}:{line}:{column}: {reason}")]
    Rule { path: PathBuf, line: usize, column: usize, reason: String },
}

/// What the rules make of one path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    pub max_age: Option<u64>,
    /// Without those of the policy.
    own_headers: Option<Headers>,
    pub ignore: Option<bool>,
    pub enable_aliasing: Option<bool>,
    pub allow_raw_access: Option<bool>,
    pub encodings: Option<Vec<Encoding>>,
    pub security_policy: Option<Policy>,
    pub disable_security_policy_warning: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            max_age: None,
            own_headers: None,
            ignore: None,
            enable_aliasing: None,
            allow_raw_access: Some(true),
            encodings: None,
            security_policy: None,
            disable_security_policy_warning: false,
        }
    }
}

impl Settings {
    /// All headers: the rules' own, and those of the policy that they do not name.
    pub fn headers(&self) -> Option<Headers> {
        let mut headers = self.own_headers.clone();
        if let Some(policy) = self.security_policy {
            let all = headers.get_or_insert_default();
            for (name, value) in policy.headers() {
                if !all.keys().any(|known| known.eq_ignore_ascii_case(&name)) {
                    all.insert(name, value);
                }
            }
        }
        headers
    }

    /// Whether a policy is called hardened that nothing hardens.
    pub fn is_not_hardened(&self) -> bool {
        self.security_policy == Some(Policy::Hardened)
            && self.own_headers.as_ref().is_none_or(|headers| headers.is_empty())
    }

    fn take(&mut self, rule: &Rule) {
        if let Some(cache) = &rule.cache {
            self.max_age = cache.max_age;
        }
        match &rule.headers {
            RuleHeaders::Absent => {}
            RuleHeaders::Reset => self.own_headers = None,
            RuleHeaders::Set(headers) => {
                self.own_headers.get_or_insert_default().extend(headers.clone());
            }
        }
        self.ignore = rule.ignore.or(self.ignore);
        self.enable_aliasing = rule.enable_aliasing.or(self.enable_aliasing);
        self.allow_raw_access = rule.allow_raw_access.or(self.allow_raw_access);
        self.security_policy = rule.security_policy.or(self.security_policy);
        if let Some(encodings) = &rule.encodings {
            self.encodings = Some(encodings.0.clone());
        }
        if let Some(quiet) = rule.disable_security_policy_warning {
            self.disable_security_policy_warning = quiet;
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    r#match: Pattern,
    cache: Option<Cache>,
    #[serde(default)]
    headers: RuleHeaders,
    ignore: Option<bool>,
    enable_aliasing: Option<bool>,
    allow_raw_access: Option<bool>,
    encodings: Option<Encodings>,
    security_policy: Option<Policy>,
    disable_security_policy_warning: Option<bool>,
    #[serde(skip)]
    used: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cache {
    max_age: Option<u64>,
}

struct Pattern(GlobMatcher);

impl Pattern {
    fn new(text: &str) -> Result<Pattern, String> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(format!("a pattern has {PATTERN_BYTES_MAX} bytes at most"));
        }
        let glob = Glob::new(text).map_err(|error| error.to_string())?;
        Ok(Pattern(glob.compile_matcher()))
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pattern, D::Error> {
        deserializer.deserialize_str(Text(Pattern::new))
    }
}

/// Reads a value that can be written as text, so that what is wrong with it is told with its place.
struct Text<T>(fn(&str) -> Result<T, String>);

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a text, a number or a boolean")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<T, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_unit<E: de::Error>(self) -> Result<T, E> {
        self.visit_str("")
    }
}

struct Encodings(Vec<Encoding>);

impl<'de> Deserialize<'de> for Encodings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Encodings, D::Error> {
        let encodings = Vec::<Encoding>::deserialize(deserializer)?;
        match encodings.is_empty() {
            true => Err(de::Error::custom("an asset needs an encoding: identity, gzip or brotli")),
            false => Ok(Encodings(encodings)),
        }
    }
}

#[derive(Default)]
enum RuleHeaders {
    #[default]
    Absent,
    /// `null`: what rules before it set is taken back.
    Reset,
    Set(Headers),
}

impl<'de> Deserialize<'de> for RuleHeaders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RuleHeaders, D::Error> {
        let given = Option::<BTreeMap<HeaderName, HeaderValue>>::deserialize(deserializer)?;
        Ok(given.map_or(RuleHeaders::Reset, |given| {
            RuleHeaders::Set(given.into_iter().map(|(name, value)| (name.0, value.0)).collect())
        }))
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct HeaderName(String);

impl HeaderName {
    fn new(name: &str) -> Result<HeaderName, String> {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        match !name.is_empty() && name.bytes().all(token) {
            true => Ok(HeaderName(name.to_string())),
            false => Err(format!("{name:?} is no name of a header")),
        }
    }
}

impl<'de> Deserialize<'de> for HeaderName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<HeaderName, D::Error> {
        deserializer.deserialize_str(Text(HeaderName::new))
    }
}

struct HeaderValue(String);

impl HeaderValue {
    fn new(text: &str) -> Result<HeaderValue, String> {
        match text.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
            true => Ok(HeaderValue(text.to_string())),
            false => Err("a header's value is one line of ASCII".to_string()),
        }
    }
}

impl<'de> Deserialize<'de> for HeaderValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<HeaderValue, D::Error> {
        deserializer.deserialize_any(Text(HeaderValue::new))
    }
}

/// The rules of one folder.
pub struct Config {
    folder: PathBuf,
    path: PathBuf,
    rules: Vec<Rule>,
}

impl Config {
    /// The rules that `folder` has, if any.
    ///
    /// # Errors
    /// [`ConfigError`]: there are two files, or one that cannot be used.
    pub fn read(folder: &Path) -> Result<Option<Config>, ConfigError> {
        let mut there = Vec::new();
        for path in NAMES.map(|name| folder.join(name)) {
            if is_there(&path)? {
                there.push(path);
            }
        }
        let path = match there.as_slice() {
            [] => return Ok(None),
            [path] => path.clone(),
            _ => return Err(ConfigError::Both(folder.to_path_buf())),
        };
        let mut text = String::new();
        let read = File::open(&path)
            .and_then(|file| file.take(CONFIG_BYTES_MAX.saturating_add(1)).read_to_string(&mut text));
        read.map_err(|source| ConfigError::Read { path: path.clone(), source })?;
        match text.len() as u64 > CONFIG_BYTES_MAX {
            true => Err(ConfigError::TooLarge(path)),
            false => Config::parse(folder, path, &text).map(Some),
        }
    }

    fn parse(folder: &Path, path: PathBuf, text: &str) -> Result<Config, ConfigError> {
        match json5::from_str(text) {
            Ok(rules) => Ok(Config { folder: folder.to_path_buf(), path, rules }),
            Err(error) => {
                let at = error.position();
                let (line, column) = at.map_or((1, 1), |at| (at.line + 1, at.column + 1));
                let reason = error.to_string();
                // The position stands before it already.
                let reason = reason.rsplit_once(" at ").filter(|_| at.is_some());
                let reason = reason.map_or_else(|| error.to_string(), |(reason, _)| reason.to_string());
                Err(ConfigError::Rule { path, line, column, reason })
            }
        }
    }

    /// Rules that no path matched, in words.
    pub fn unused(&self) -> impl Iterator<Item = String> {
        let unused = self.rules.iter().enumerate().filter(|(_, rule)| !rule.used);
        unused.map(|(index, rule)| {
            let (path, pattern) = (self.path.display(), rule.r#match.0.glob());
            format!("{path}: rule {} ({pattern}) matches no file", index + 1)
        })
    }
}

/// Whether a configuration is there. One that cannot be had is not the same as none: a site would lose its headers.
fn is_there(path: &Path) -> Result<bool, ConfigError> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(true),
        Ok(_) => Err(ConfigError::NoFile(path.to_path_buf())),
        // The folder itself may be none, which is told of it.
        Err(error)
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
                && !path.is_symlink() =>
        {
            Ok(false)
        }
        Err(source) => Err(ConfigError::Read { path: path.to_path_buf(), source }),
    }
}

/// What the rules of a path's folders make of it, the outermost folder's first.
pub fn settings(configs: &mut [Config], path: &Path) -> Settings {
    let mut settings = Settings::default();
    for config in configs {
        let Ok(below) = path.strip_prefix(&config.folder) else { continue };
        for rule in config.rules.iter_mut().filter(|rule| rule.r#match.0.is_match(below)) {
            rule.used = true;
            settings.take(rule);
        }
    }
    settings
}
