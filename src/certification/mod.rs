//! Labelled state tree -> hash tree -> witness; certificates made and verified
//! (interface spec, "Certification").

pub mod tree;

pub use tree::LabelTree;
