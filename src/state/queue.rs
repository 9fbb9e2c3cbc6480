//! A first-in-first-out queue of messages. Every message has a number of its own, so that only what
//! was pushed or popped since the last height is written to disk.

use crate::types::{CallbackId, Cycles, Ingress, Request, Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A message that waits for a canister, or for the management canister.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Message {
    /// A user's update call.
    Ingress(#[serde(with = "shared")] Arc<Ingress>),
    /// A canister's call.
    Request(#[serde(with = "shared")] Arc<Request>),
    /// The answer to a call that the canister made.
    Response(#[serde(with = "shared")] Arc<Response>),
}

impl Message {
    /// Bytes of what the message carries.
    pub fn payload_bytes(&self) -> usize {
        match self {
            Message::Ingress(ingress) => ingress.call.arg.len(),
            Message::Request(request) => request.payload.len(),
            Message::Response(response) => response.payload.bytes(),
        }
    }

    /// Cycles that the message carries.
    pub fn cycles(&self) -> Cycles {
        match self {
            Message::Ingress(_) => Cycles::ZERO,
            Message::Request(request) => request.cycles,
            Message::Response(response) => response.refund,
        }
    }

    /// The callback that a response is for.
    pub fn callback(&self) -> Option<CallbackId> {
        match self {
            Message::Response(response) => Some(response.callback),
            Message::Ingress(_) | Message::Request(_) => None,
        }
    }
}

/// Messages in the order of their arrival, numbered without gaps from `first` on.
#[derive(Clone, Default)]
pub struct Queue {
    first: u64,
    /// Bytes that the messages carry.
    bytes: u64,
    /// Cycles that they carry.
    #[cfg(test)]
    cycles: u128,
    messages: imbl::Vector<Arc<Message>>,
}

impl Queue {
    /// The queue whose oldest message has the number `first`.
    pub fn restored(first: u64, messages: impl IntoIterator<Item = Arc<Message>>) -> Queue {
        let messages: imbl::Vector<Arc<Message>> = messages.into_iter().collect();
        let bytes = messages.iter().map(|message| message.payload_bytes() as u64).sum();
        Queue {
            first,
            bytes,
            #[cfg(test)]
            cycles: messages.iter().map(|message| message.cycles().0).sum(),
            messages,
        }
    }

    /// Appends `message`.
    pub fn push(&mut self, message: Message) {
        self.bytes = self.bytes.saturating_add(message.payload_bytes() as u64);
        #[cfg(test)]
        (self.cycles += message.cycles().0);
        self.messages.push_back(Arc::new(message));
    }

    /// Takes the oldest message.
    pub fn pop(&mut self) -> Option<Arc<Message>> {
        let message = self.messages.pop_front()?;
        self.bytes = self.bytes.saturating_sub(message.payload_bytes() as u64);
        #[cfg(test)]
        (self.cycles -= message.cycles().0);
        self.first = self.first.saturating_add(1);
        Some(message)
    }

    /// Puts back the message that was popped last.
    pub fn put_back(&mut self, message: Arc<Message>) {
        self.bytes = self.bytes.saturating_add(message.payload_bytes() as u64);
        #[cfg(test)]
        (self.cycles += message.cycles().0);
        self.messages.push_front(message);
        self.first = self.first.saturating_sub(1);
    }

    /// Takes all messages; the queue goes on with the numbers that follow.
    pub fn take_all(&mut self) -> impl Iterator<Item = Arc<Message>> + use<> {
        self.first = self.end();
        self.bytes = 0;
        #[cfg(test)]
        (self.cycles = 0);
        std::mem::take(&mut self.messages).into_iter()
    }

    /// The oldest message.
    pub fn front(&self) -> Option<&Arc<Message>> {
        self.messages.front()
    }

    /// How many messages wait.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Bytes that the waiting messages carry.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Cycles that the waiting messages carry.
    #[cfg(test)]
    pub fn cycles(&self) -> u128 {
        self.cycles
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The number of the oldest message, which is that of the next one when the queue is empty.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The number that the next message will get.
    pub fn end(&self) -> u64 {
        self.first.saturating_add(self.messages.len() as u64)
    }

    /// The message of this number, while it waits.
    pub fn get(&self, number: u64) -> Option<&Arc<Message>> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.messages.get(index)
    }

    /// Messages, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Message>> {
        self.messages.iter()
    }
}

/// Serializes what an `Arc` holds.
mod shared {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::sync::Arc;

    pub fn serialize<T: Serialize, S: Serializer>(value: &Arc<T>, s: S) -> Result<S::Ok, S::Error> {
        T::serialize(value, s)
    }

    pub fn deserialize<'de, T, D>(d: D) -> Result<Arc<T>, D::Error>
    where
        T: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        T::deserialize(d).map(Arc::new)
    }
}
