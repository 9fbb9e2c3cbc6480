//! Uploads, as calls see them: only users may, each only their own.

use crate::app::{App, Call};
use crate::memory::Memory;
use crate::types::*;

impl<M: Memory> App<M> {
    pub fn begin_upload(&mut self, call: Call, new: NewUpload) -> Result<Upload, Refusal> {
        let (user, _) = self.signed(call)?;
        self.check_room()?;
        self.media.begin(user, call.now, new)
    }

    pub fn put_chunk(&mut self, call: Call, chunk: &Chunk) -> Result<Upload, Refusal> {
        let (user, _) = self.signed(call)?;
        self.media.put(user, chunk)
    }

    /// The caller's unfinished uploads, to go on with.
    pub fn uploads(&self, call: Call) -> Result<Vec<Upload>, Refusal> {
        let (user, _) = self.signed(call)?;
        Ok(self.media.unfinished(user))
    }

    pub fn cancel_upload(&mut self, call: Call, id: MediaId) -> Result<(), Refusal> {
        let (user, _) = self.signed(call)?;
        self.media.cancel(user, id)
    }
}
