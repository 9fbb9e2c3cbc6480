//! Signatures of users: Ed25519, ECDSA on secp256k1 and P-256, by DER-encoded public key.
