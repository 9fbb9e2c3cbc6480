//! Words: what things are. Pure data, no behaviour beyond construction, ordering and display.
//!
//! Every room above and beside speaks in these types. Numbers have newtypes with units, ids
//! have one representation each, and every bound of the protocol is a named constant in
//! [`limits`]. Nothing here reads a clock, a file or a socket, and nothing here hashes or
//! signs: that is `crypto`'s work.

pub mod artifact;
pub mod batch;
pub mod block;
pub mod effect;
pub mod genesis;
pub mod id;
pub mod limits;
pub mod peer;
pub mod planted;
pub mod reject;
pub mod request;
pub mod system;
pub mod unit;

pub use artifact::*;
pub use batch::*;
pub use block::*;
pub use effect::*;
pub use genesis::{
    Accounting, ChainId, Founding, Foundings, Genesis, GenesisCanister, GenesisNode, faults_max, quorum,
};
pub use id::*;
pub use peer::*;
pub use reject::*;
pub use request::*;
pub use system::*;
pub use unit::*;
