//! Lists the built front end (`web/dist`), so that it becomes part of the module.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?);
    let built = here.join("web/dist");
    println!("cargo::rerun-if-changed={}", built.display());
    let missing =
        |error: io::Error| io::Error::other(format!("{}: {error}; `make pages` builds it", built.display()));
    let mut names: Vec<String> = fs::read_dir(&built)
        .map_err(missing)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<_>>()?;
    names.sort();
    let line = |name: &String| {
        let path = built.join(name);
        format!("    ({name:?}, include_bytes!({:?})),\n", path.display().to_string())
    };
    let lines: String = names.iter().map(line).collect();
    let table = format!("pub const FILES: &[(&str, &[u8])] = &[\n{lines}];\n");
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("front_end.rs"), table)
}
