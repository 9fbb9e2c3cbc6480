//! The canisters of a genesis, as people write them down: a TOML file with paths and Candid text.

use super::AssembleError;
use crate::agent::interface::Interface;
use crate::cli::file::write_atomically;
use crate::crypto::hash::sha256;
use crate::node::{module_file, read_module};
use crate::types::{Digest, GenesisCanister, Principal};
use crate::wasm::Engine;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Section with the interface of a canister.
const INTERFACE: &str = "candid:service";

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    minting_canister: Option<Principal>,
    governance_canister: Option<Principal>,
    registry_canister: Option<Principal>,
    #[serde(default)]
    subnet_admins: Vec<Principal>,
    #[serde(default)]
    observers: Vec<Principal>,
    canister: Vec<Planned>,
}

/// Which of the canisters may do what others may not.
#[derive(Default, Clone, Debug)]
pub struct Roles {
    pub minting_canister: Option<Principal>,
    pub governance_canister: Option<Principal>,
    pub registry_canister: Option<Principal>,
    pub subnet_admins: Vec<Principal>,
    pub observers: Vec<Principal>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Planned {
    id: Principal,
    /// What `atoll testnet up` calls it, if people shall open its page.
    page: Option<String>,
    /// The Wasm module, plain or gzipped; relative to the file.
    module: PathBuf,
    /// Argument of `canister_init` as Candid text.
    #[serde(default = "no_argument")]
    arg: String,
    /// Decimal digits, perhaps with `_` between them.
    cycles: String,
    #[serde(default)]
    controllers: Vec<Principal>,
}

fn no_argument() -> String {
    "()".into()
}

/// Canisters for a genesis, and their modules.
#[derive(Default, Debug)]
pub struct Canisters {
    pub roles: Roles,
    /// Those with pages for people, by name.
    pub pages: BTreeMap<String, Principal>,
    pub entries: Vec<GenesisCanister>,
    modules: BTreeMap<Digest, Vec<u8>>,
}

impl Canisters {
    /// Reads the file, and the modules that it names.
    ///
    /// # Errors
    /// [`AssembleError`] naming the file, and the canister whose module or argument cannot be used.
    pub fn read(file: &Path) -> Result<Canisters, AssembleError> {
        let failed = |error| AssembleError::File { path: file.into(), error };
        let text = std::fs::read_to_string(file).map_err(failed)?;
        let plan: Plan = toml::from_str(&text)
            .map_err(|error| AssembleError::Plan { path: file.into(), error: error.to_string() })?;
        let (engine, home) = (Engine::new(None), file.parent().unwrap_or(Path::new(".")));
        let roles = Roles {
            minting_canister: plan.minting_canister,
            governance_canister: plan.governance_canister,
            registry_canister: plan.registry_canister,
            subnet_admins: plan.subnet_admins,
            observers: plan.observers,
        };
        let mut canisters = Canisters { roles, ..Canisters::default() };
        plan.canister.into_iter().try_for_each(|planned| canisters.add(&engine, home, planned))?;
        Ok(canisters)
    }

    fn add(&mut self, engine: &Engine, home: &Path, planned: Planned) -> Result<(), AssembleError> {
        let Planned { id, page, module, arg, cycles, controllers } = planned;
        self.pages.extend(page.map(|name| (name, id)));
        let path = home.join(module);
        let module = read_module(&path).map_err(|error| AssembleError::File { path: path.clone(), error })?;
        let wrong = |error: String| AssembleError::Canister { id, error };
        let facts = engine.check(&module).map_err(|error| wrong(format!("{}: {error}", path.display())))?;
        let interface = facts.metadata.get(INTERFACE).map(|section| section.content.as_slice());
        let interface = String::from_utf8_lossy(interface.unwrap_or_default());
        let arg = Interface::parse(&interface).encode_init(&arg).map_err(|error| wrong(error.to_string()))?;
        let (hash, cycles) = (sha256(&module), cycles.replace('_', ""));
        self.entries.push(GenesisCanister {
            id,
            module: hash.to_string(),
            arg: hex::encode(arg),
            cycles,
            controllers,
        });
        self.modules.insert(hash, module);
        Ok(())
    }

    /// Puts the modules beside the genesis, where nodes look for them.
    ///
    /// # Errors
    /// What the file system says, naming the file.
    pub fn write_modules(&self, genesis: &Path) -> Result<(), AssembleError> {
        for (hash, module) in &self.modules {
            let path = module_file(genesis, hash);
            let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
            let written = made.and_then(|()| write_atomically(&path, module));
            written.map_err(|error| AssembleError::File { path, error })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::genesis::founding;
    use crate::node::load_founding;
    use crate::types::{CanisterId, Cycles, Genesis};

    const MODULE: &str = r#"(module (@custom "icp:public candid:service" "service : (nat8) -> {}"))"#;

    fn plan(root: &Path, text: &str) -> Result<Canisters, AssembleError> {
        std::fs::write(root.join("a.wasm"), wat::parse_str(MODULE).unwrap()).unwrap();
        std::fs::write(root.join("canisters.toml"), text).unwrap();
        Canisters::read(&root.join("canisters.toml"))
    }

    const GOOD: &str = "[[canister]]\nid = \"rrkah-fqaaa-aaaaa-aaaaq-cai\"\nmodule = \"a.wasm\"\narg = \"(7)\"\ncycles = \"2_000\"\n";

    #[test]
    fn a_plan_becomes_entries_whose_modules_nodes_find() {
        let root = tempfile::tempdir().unwrap();
        let canisters = plan(root.path(), GOOD).unwrap();
        let founded = founding(&canisters.entries[0]).unwrap();
        assert_eq!((founded.id, founded.cycles), (CanisterId(1), Cycles(2_000)));
        assert_eq!(founded.arg, candid::encode_args((7u8,)).unwrap());
        let file = root.path().join("genesis.toml");
        canisters.write_modules(&file).unwrap();
        let genesis = Genesis { canisters: canisters.entries, ..Genesis::local("test", Vec::new()) };
        let found = load_founding(&file, &genesis).unwrap();
        assert_eq!(found, [(founded.clone(), wat::parse_str(MODULE).unwrap().into())]);
        std::fs::write(module_file(&file, &founded.module), b"another").unwrap();
        let error = load_founding(&file, &genesis).unwrap_err().to_string();
        assert!(error.ends_with(".wasm: is not the module that the genesis names"), "{error}");
    }

    #[test]
    fn a_plan_says_who_may_do_what_others_may_not() {
        let root = tempfile::tempdir().unwrap();
        let [minting, governance, registry, admin, observer] =
            [1, 2, 3, 4, 5].map(|n| CanisterId(n).principal());
        let text = format!(
            "minting_canister = \"{minting}\"\ngovernance_canister = \"{governance}\"\n\
             registry_canister = \"{registry}\"\nsubnet_admins = [\"{admin}\"]\nobservers = [\"{observer}\"]\n{GOOD}"
        );
        let roles = plan(root.path(), &text).unwrap().roles;
        let one = [roles.minting_canister, roles.governance_canister, roles.registry_canister];
        assert_eq!(one, [Some(minting), Some(governance), Some(registry)]);
        assert_eq!((roles.subnet_admins, roles.observers), (vec![admin], vec![observer]));
        assert!(plan(root.path(), GOOD).unwrap().roles.observers.is_empty());
    }

    #[test]
    fn what_is_wrong_with_a_plan_is_named() {
        let root = tempfile::tempdir().unwrap();
        let check = |text: String, expected: &str| {
            let error = plan(root.path(), &text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(GOOD.replace("cycles", "cycle"), "canisters.toml: ");
        check(GOOD.replace("a.wasm", "b.wasm"), "b.wasm: No such file");
        check(GOOD.replace("a.wasm", "canisters.toml"), "rrkah-fqaaa-aaaaa-aaaaq-cai: ");
        check(GOOD.replace("(7)", "(true)"), "rrkah-fqaaa-aaaaa-aaaaq-cai: ");
    }
}
