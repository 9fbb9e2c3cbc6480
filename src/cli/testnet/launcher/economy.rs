//! Where the canisters of a new network are.

use std::path::{Path, PathBuf};

/// Names the folder, before all others.
const VARIABLE: &str = "ATOLL_CANISTERS";
/// The plan in it; it names modules relative to itself.
const PLAN: &str = "economy.toml";

/// The plan is nowhere.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "a new network needs its canisters, and there is no {}; let {VARIABLE} name the folder that has {PLAN} and dist/ \
     (in the sources canisters/, after `make canisters`)",
    list(.0)
)]
pub struct Missing(Vec<PathBuf>);

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" and no ")
}

/// The plan of the folder that the environment names; else beside this binary, or where packages put it.
///
/// # Errors
/// [`Missing`], with the places that were looked at.
pub fn find() -> Result<PathBuf, Missing> {
    let named = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    let binary = std::env::current_exe().and_then(std::fs::canonicalize).unwrap_or_default();
    find_in(named.as_deref(), binary.parent().unwrap_or(Path::new("")))
}

fn find_in(named: Option<&Path>, beside: &Path) -> Result<PathBuf, Missing> {
    let folders = match named {
        Some(named) => vec![named.to_path_buf()],
        None => vec![beside.join("canisters"), beside.join("../share/atoll/canisters")],
    };
    let plans: Vec<PathBuf> = folders.into_iter().map(|folder| folder.join(PLAN)).collect();
    match plans.iter().find(|plan| plan.is_file()) {
        Some(plan) => Ok(plan.clone()),
        None => Err(Missing(plans)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_is_where_the_environment_says_or_beside_the_binary_and_its_absence_is_told() {
        let root = tempfile::tempdir().expect("a folder");
        let bin = root.path().join("bin");
        let make = |folder: &str| {
            let folder = root.path().join(folder);
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::write(folder.join(PLAN), "").expect("a plan");
            folder.join(PLAN)
        };
        std::fs::create_dir(&bin).expect("a folder");
        let error = find_in(None, &bin).expect_err("no plan").to_string();
        assert!(error.contains("bin/canisters/economy.toml and no ") && error.contains(VARIABLE), "{error}");
        let shared = make("share/atoll/canisters");
        assert_eq!(find_in(None, &bin).map(|plan| plan.canonicalize().expect("it is there")), Ok(shared));
        let beside = make("bin/canisters");
        assert_eq!(find_in(None, &bin), Ok(beside));
        let named = make("own");
        assert_eq!(find_in(named.parent(), &bin), Ok(named));
        let nowhere = root.path().join("nowhere");
        assert_eq!(find_in(Some(&nowhere), &bin), Err(Missing(vec![nowhere.join(PLAN)])));
    }
}
