//! The web face: the front end's files, media, and the first page of clips, all certified.
//!
//! 1. Every answer is certified whole: status, headers, body. Its path in the tree is the request's path; a path that is
//!    not there is answered with the front end's page (so that links into the app work), below `/v/` with 404.
//! 2. `/v/<number>` is a file of [`crate::media`]; a video's ranges are answers of their own.
//! 3. `/first.json` has the clips that a visitor sees first, so that the first one plays before the app has asked the
//!    canister for anything; `/env.json` has what the app must know about where it is.
//! 4. The tree lives in the heap and is built again after an upgrade from digests in stable memory: media are not hashed
//!    a second time.

pub mod answer;
pub mod files;
pub mod seal;
pub mod site;
