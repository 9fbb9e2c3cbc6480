//! What authenticators' keys and signatures look like in CBOR (interface spec, "Web Authentication";
//! RFC 8152 and RFC 8230 for keys).

use super::envelope::{required, set, unknown_field};
use super::{Reader, SELF_DESCRIBING_TAG};
use crate::encoding::{DecodeError, Fault};
use crate::types::limits::COSE_FIELDS_MAX;

/// An authenticator's public key, of one of the three kinds that the spec allows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CoseKey {
    /// ES256: the coordinates of a point on P-256.
    P256 { x: [u8; 32], y: [u8; 32] },
    /// RS256: big-endian.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    /// EdDSA on Ed25519.
    Ed25519([u8; 32]),
}

/// An authenticator's signature with what it signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assertion {
    pub authenticator_data: Vec<u8>,
    pub client_data_json: String,
    pub signature: Vec<u8>,
}

// Labels and values of COSE, and what stands for them in errors.
const KEY_TYPE: i64 = 1;
const ALGORITHM: i64 = 3;
const OKP: i64 = 1;
const EC2: i64 = 2;
const RSA: i64 = 3;
const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;
const CURVE_P256: i64 = 1;
const CURVE_ED25519: i64 = 6;

/// The parameters -1, -2 and -3, whose meaning depends on the key's type.
#[derive(Default)]
struct Parameters {
    kind: Option<i64>,
    algorithm: Option<i64>,
    curve: Option<i64>,
    first: Option<Vec<u8>>,
    second: Option<Vec<u8>>,
    third: Option<Vec<u8>>,
}

/// Reads a key in COSE form; fields that do not matter (a key id, say) are passed over.
///
/// # Errors
/// Anything else than one of the three kinds, naming the field.
pub fn read_cose_key(bytes: &[u8]) -> Result<CoseKey, DecodeError> {
    let mut reader = Reader::new(bytes, "cose_key");
    let mut parameters = Parameters::default();
    reader.integer_map(COSE_FIELDS_MAX, |reader, label| parameters.read(reader, label))?;
    reader.at("cose_key").finish()?;
    let kind = required(parameters.kind, "cose_key.kty")?;
    let algorithm = required(parameters.algorithm, "cose_key.alg")?;
    match (kind, algorithm) {
        (EC2, ES256) => parameters.p256(),
        (RSA, RS256) => parameters.rsa(),
        (OKP, EDDSA) => parameters.ed25519(),
        (EC2 | RSA | OKP, _) => Err(unknown(algorithm, "cose_key.alg")),
        _ => Err(unknown(kind, "cose_key.kty")),
    }
}

fn unknown(number: i64, field: &'static str) -> DecodeError {
    Fault::UnknownValue(number.to_string()).at(field)
}

impl Parameters {
    fn read(&mut self, reader: &mut Reader<'_>, label: i64) -> Result<(), DecodeError> {
        match label {
            KEY_TYPE => set(&mut self.kind, reader.at("cose_key.kty").integer()?, "cose_key.kty"),
            ALGORITHM => set(&mut self.algorithm, reader.at("cose_key.alg").integer()?, "cose_key.alg"),
            -1 if reader.next_is_bytes() => {
                set(&mut self.first, reader.at("cose_key.-1").bytes()?.into_owned(), "cose_key.-1")
            }
            -1 => set(&mut self.curve, reader.at("cose_key.crv").integer()?, "cose_key.crv"),
            -2 => set(&mut self.second, reader.at("cose_key.-2").bytes()?.into_owned(), "cose_key.-2"),
            -3 => set(&mut self.third, reader.at("cose_key.-3").bytes()?.into_owned(), "cose_key.-3"),
            _ => pass_over(reader.at("cose_key")),
        }
    }

    fn check_curve(&self, expected: i64) -> Result<(), DecodeError> {
        match required(self.curve, "cose_key.crv")? {
            curve if curve == expected => Ok(()),
            other => Err(unknown(other, "cose_key.crv")),
        }
    }

    fn p256(self) -> Result<CoseKey, DecodeError> {
        self.check_curve(CURVE_P256)?;
        let (x, y) = (coordinate(self.second, "cose_key.x")?, coordinate(self.third, "cose_key.y")?);
        Ok(CoseKey::P256 { x, y })
    }

    fn ed25519(self) -> Result<CoseKey, DecodeError> {
        self.check_curve(CURVE_ED25519)?;
        coordinate(self.second, "cose_key.x").map(CoseKey::Ed25519)
    }

    fn rsa(self) -> Result<CoseKey, DecodeError> {
        let (modulus, exponent) = (required(self.first, "cose_key.n")?, required(self.second, "cose_key.e")?);
        Ok(CoseKey::Rsa { modulus, exponent })
    }
}

fn coordinate(bytes: Option<Vec<u8>>, field: &'static str) -> Result<[u8; 32], DecodeError> {
    let bytes = required(bytes, field)?;
    let length = Fault::Length { have: bytes.len(), need: 32 };
    bytes.try_into().map_err(|_| length.at(field))
}

/// A value that does not matter: an integer, bytes, a text, or a list of integers and texts.
fn pass_over(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    if reader.next_is_bytes() {
        reader.bytes().map(|_| ())
    } else if reader.next_is_text() {
        reader.text().map(|_| ())
    } else if reader.next_is_array() {
        reader.array(COSE_FIELDS_MAX, pass_over_name).map(|_| ())
    } else {
        reader.integer().map(|_| ())
    }
}

fn pass_over_name(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    if reader.next_is_text() { reader.text().map(|_| ()) } else { reader.integer().map(|_| ()) }
}

/// Reads a signature as authenticators' clients wrap it.
///
/// # Errors
/// Anything but a map of the three fields, naming the field.
pub fn read_assertion(bytes: &[u8]) -> Result<Assertion, DecodeError> {
    let mut reader = Reader::new(bytes, "assertion");
    reader.skip_tag(SELF_DESCRIBING_TAG)?;
    let (mut authenticator_data, mut client_data_json, mut signature) = (None, None, None);
    reader.map(|reader, key| match key {
        "authenticator_data" => set(
            &mut authenticator_data,
            reader.at("authenticator_data").bytes()?.into_owned(),
            "authenticator_data",
        ),
        "client_data_json" => {
            set(&mut client_data_json, reader.at("client_data_json").text()?.into_owned(), "client_data_json")
        }
        "signature" => set(&mut signature, reader.at("signature").bytes()?.into_owned(), "signature"),
        _ => Err(unknown_field(key, "assertion")),
    })?;
    reader.at("assertion").finish()?;
    Ok(Assertion {
        authenticator_data: required(authenticator_data, "authenticator_data")?,
        client_data_json: required(client_data_json, "client_data_json")?,
        signature: required(signature, "signature")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of the interface spec's example.
    const EXAMPLE: &str = "a5010203262001215820\
        7ffd83632072fd1bfeaf3fbaa43146e0ef95c3f55e3994a41bbf2b5174d771da225820\
        32497eed0a7f6f000928765b8318162cfd80a94e525a6a368c2363063d04e6ed";

    fn read(key: &str) -> Result<CoseKey, String> {
        let bytes = hex::decode(key).expect("hex");
        read_cose_key(&bytes).map_err(|error| error.to_string())
    }

    #[test]
    fn the_example_of_the_interface_spec_is_read() {
        let Ok(CoseKey::P256 { x, y }) = read(EXAMPLE) else { panic!("no P-256 key") };
        assert_eq!((x[0], x[31], y[0], y[31]), (0x7f, 0xda, 0x32, 0xed));
    }

    #[test]
    fn keys_of_the_other_kinds_are_read() {
        let ed25519 = format!("a4010103272006215820{}", "07".repeat(32));
        assert_eq!(read(&ed25519), Ok(CoseKey::Ed25519([7; 32])));
        let rsa = "a4010303390100204201022143030405";
        assert_eq!(read(rsa), Ok(CoseKey::Rsa { modulus: vec![1, 2], exponent: vec![3, 4, 5] }));
    }

    #[test]
    fn fields_that_do_not_matter_are_passed_over() {
        let more = EXAMPLE.replacen("a5", "a7", 1) + "024161" + "04820161";
        assert!(read(&more).is_err(), "the list is cut off");
        let more = EXAMPLE.replacen("a5", "a7", 1) + "024161" + "0482016178";
        assert_eq!(read(&more), read(EXAMPLE));
    }

    fn check(key: &str, expected: &str) {
        assert_eq!(read(key).expect_err("must be refused"), expected, "{key}");
    }

    #[test]
    fn other_keys_are_refused_by_name() {
        check("a0", "cose_key.kty: missing");
        check("a10102", "cose_key.alg: missing");
        check("a201020327", "cose_key.alg: unknown value `-8`");
        check("a201050326", "cose_key.kty: unknown value `5`");
        check("a201020326", "cose_key.crv: missing");
        check("a3010203262002", "cose_key.crv: unknown value `2`");
        check("a3010203262001", "cose_key.x: missing");
        check("a40102032620012142abcd", "cose_key.x: 2 bytes, expected 32");
        check("a201020102", "cose_key.kty: given twice");
        check("a2010303390100", "cose_key.n: missing");
        check("a11bffffffffffffffff01", "cose_key: number out of range");
        check(&format!("{EXAMPLE}00"), "cose_key: 1 trailing bytes");
        let many: String = (0x20..0x31).map(|label| format!("18{label:x}01")).collect();
        check(&format!("b1{many}"), "cose_key: more than 16 entries");
    }

    #[test]
    fn every_field_of_an_assertion_must_be_there_once() {
        let mut writer = super::super::Writer::new();
        writer.tag(SELF_DESCRIBING_TAG).map(3).text("authenticator_data").bytes(b"a");
        writer.text("client_data_json").text("{}").text("signature").bytes(b"s");
        let good = writer.into_bytes();
        let read = read_assertion(&good).expect("well-formed");
        assert_eq!((read.client_data_json.as_str(), read.signature), ("{}", b"s".to_vec()));
        for length in 0..good.len() {
            assert!(read_assertion(&good[..length]).is_err(), "{length} bytes");
        }
        let mut writer = super::super::Writer::new();
        writer.map(1).text("signature").bytes(b"s");
        let error = read_assertion(&writer.into_bytes()).expect_err("fields are missing");
        assert_eq!(error.to_string(), "authenticator_data: missing");
    }
}
