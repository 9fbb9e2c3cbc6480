//! Dealer-less key generation: dealings, their verification, and the keys they add up to.
