//! (preface to be written by the room's builder)

pub mod sim;
