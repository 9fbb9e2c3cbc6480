//! The certified tree of all paths, and the answer with its proof for a request.

use super::answer::Answer;
use super::seal::Seal;
use ic_certification::{
    AsHashTree, Hash, HashTree, RbTree, fork, fork_hash, labeled, labeled_hash, merge_hash_trees, pruned,
};

/// Last label of a path that answers for itself, and of one that answers for all below it.
const EXACT: &str = "<$>";
const WILDCARD: &str = "<*>";
/// First label of every path.
const ROOT: &str = "http_expr";
/// Media are below this label, which is greater than the first letter of every file's name.
pub const MEDIA: &str = "v";

/// What is below a part of a path, known by the digest below its terminator.
enum Below {
    /// One path ends here; there is nothing further down.
    End(Hash),
    /// The part is itself the terminator of a wildcard.
    Wildcard(Hash),
}

impl AsHashTree for Below {
    fn root_hash(&self) -> Hash {
        match self {
            Self::End(digest) => labeled_hash(EXACT.as_bytes(), digest),
            Self::Wildcard(digest) => *digest,
        }
    }

    /// Shows where the path ends, so that it also proves that nothing is below.
    fn as_hash_tree(&self) -> HashTree {
        match self {
            Self::End(digest) => labeled(EXACT, pruned(*digest)),
            Self::Wildcard(digest) => pruned(*digest),
        }
    }
}

type Level = RbTree<Vec<u8>, Below>;

/// A file and its seal.
struct Page {
    answer: Answer,
    seal: Seal,
}

impl Page {
    fn new(answer: Answer) -> Self {
        let seal = Seal::over(vec![answer.hash()]);
        Self { answer, seal }
    }

    fn proof(&self) -> HashTree {
        self.seal.witness(&self.answer.hash())
    }
}

/// Everything that the canister serves, except the media's bytes.
pub struct Site {
    files: Level,
    media: Level,
    pages: std::collections::BTreeMap<String, Page>,
    fallback: Page,
    missing: Page,
}

/// An answer, its proof from the root on, and the path that it is proved at.
pub struct Proved {
    pub answer: Answer,
    pub tree: HashTree,
    pub path: Vec<String>,
}

/// What a path asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Asked {
    Media(u64),
    Other,
}

/// A path's parts as the gateway sees them: empty ones do not count, except one at the end.
fn parts(path: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = path.split('/').filter(|it| !it.is_empty()).collect();
    if path.ends_with('/') {
        parts.push("");
    }
    parts
}

/// What `path` asks for.
pub fn asked(path: &str) -> Asked {
    match parts(path).as_slice() {
        [MEDIA, number] => match number.parse::<u64>() {
            Ok(id) if id.to_string() == *number => Asked::Media(id),
            _ => Asked::Other,
        },
        _ => Asked::Other,
    }
}

impl Site {
    /// A site without files, that answers `fallback` where it has nothing, and `missing` where media are missing.
    pub fn new(fallback: Answer, missing: Answer) -> Self {
        let (fallback, missing) = (Page::new(fallback), Page::new(missing));
        let mut site =
            Self { files: RbTree::new(), media: RbTree::new(), pages: Default::default(), fallback, missing };
        site.files.insert(WILDCARD.into(), Below::Wildcard(site.fallback.seal.digest()));
        site.media.insert(WILDCARD.into(), Below::Wildcard(site.missing.seal.digest()));
        site
    }

    /// Puts a file at a path of one part (`""` is `/`), in place of the one before.
    pub fn put(&mut self, name: &str, answer: Answer) {
        let page = Page::new(answer);
        self.files.insert(name.into(), Below::End(page.seal.digest()));
        self.pages.insert(name.to_owned(), page);
    }

    /// Serves media of this digest, or no longer.
    pub fn put_media(&mut self, id: u64, digest: Option<Hash>) {
        let key = id.to_string().into_bytes();
        match digest {
            Some(digest) => self.media.insert(key, Below::End(digest)),
            None => self.media.delete(&key),
        }
    }

    /// What the subnet certifies.
    pub fn root_hash(&self) -> Hash {
        let media = labeled_hash(MEDIA.as_bytes(), &self.media.root_hash());
        labeled_hash(ROOT.as_bytes(), &fork_hash(&self.files.root_hash(), &media))
    }

    fn tree(&self, files: HashTree, media: HashTree) -> HashTree {
        labeled(ROOT, fork(files, labeled(MEDIA, media)))
    }

    fn only_files(&self, files: HashTree) -> HashTree {
        self.tree(files, pruned(self.media.root_hash()))
    }

    fn only_media(&self, media: HashTree) -> HashTree {
        self.tree(pruned(self.files.root_hash()), media)
    }

    /// Media with what proves it below its path.
    pub fn prove_media(&self, id: u64, answer: Answer, proof: HashTree) -> Proved {
        let key = id.to_string();
        let tree = self.only_media(self.media.nested_witness(key.as_bytes(), |_| labeled(EXACT, proof)));
        Proved { answer, tree, path: path(&[MEDIA, &key, EXACT]) }
    }

    /// The answer for a path that is no media.
    pub fn answer(&self, requested: &str) -> Proved {
        let parts = parts(requested);
        match parts.as_slice() {
            [MEDIA, rest @ ..] => self.no_media(rest.first().copied().unwrap_or_default()),
            [name] if self.pages.contains_key(*name) => self.page(name),
            [first, ..] => self.other(first),
            [] => self.other(""),
        }
    }

    fn page(&self, name: &str) -> Proved {
        let Some(page) = self.pages.get(name) else { return self.other(name) };
        let files = self.files.nested_witness(name.as_bytes(), |_| labeled(EXACT, page.proof()));
        Proved { answer: page.answer.clone(), tree: self.only_files(files), path: path(&[name, EXACT]) }
    }

    /// The front end's page for a path whose first part is `first`.
    fn other(&self, first: &str) -> Proved {
        let tree = self.only_files(instead(&self.files, first, &self.fallback));
        Proved { answer: self.fallback.answer.clone(), tree, path: path(&[WILDCARD]) }
    }

    fn no_media(&self, key: &str) -> Proved {
        let tree = self.only_media(instead(&self.media, key, &self.missing));
        Proved { answer: self.missing.answer.clone(), tree, path: path(&[MEDIA, WILDCARD]) }
    }
}

/// Proves a level's wildcard, and that nothing answers better: neither the part itself, nor the level as a file
/// (`<$>`) or as a directory (the empty part).
fn instead(level: &Level, part: &str, wildcard: &Page) -> HashTree {
    let nothing = [part, "", EXACT].map(|better| level.witness(better.as_bytes()));
    let found = level.nested_witness(WILDCARD.as_bytes(), |_| wildcard.proof());
    nothing.into_iter().fold(found, merge_hash_trees)
}

fn path(parts: &[&str]) -> Vec<String> {
    [ROOT].iter().chain(parts).map(|it| (*it).to_owned()).collect()
}
