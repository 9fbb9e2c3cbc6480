//! The web face of an app that serves its own front end: files and media, all certified.
//!
//! 1. Every answer is certified whole: status, headers, body. Its path in the tree is the request's path; a path that is
//!    not there is answered with the front end's page (so that links into the app work), below `/v/` with 404.
//! 2. `/v/<number>` is a file of the app's media, of which the app keeps the digest ([`seal`]).
//! 3. The tree lives in the heap and is built again after an upgrade from digests: media are not hashed a second time.

pub mod answer;
pub mod files;
pub mod seal;
pub mod site;

#[cfg(test)]
mod tests;
