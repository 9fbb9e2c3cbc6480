//! Headers that `security_policy` stands for: the values are those of `ic-asset`, so that a site has the same headers
//! whoever uploads it.

use super::wire::Headers;
use serde::Deserialize;

/// How much of a site's safety is left to its author.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// All of it.
    Disabled,
    /// The headers below.
    Standard,
    /// The headers below, made stricter by headers of one's own.
    Hardened,
}

/// What a page may load and whom it may talk to.
const CONTENT: &str = "default-src 'self';script-src 'self';\
connect-src 'self' http://localhost:* https://icp0.io https://*.icp0.io https://icp-api.io;img-src 'self' data:;\
style-src * 'unsafe-inline';style-src-elem * 'unsafe-inline';font-src *;object-src 'none';base-uri 'self';\
frame-ancestors 'none';form-action 'self';upgrade-insecure-requests;";

/// Abilities of the browser that are off.
const PERMISSIONS: &[&str] = &[
    "accelerometer",
    "ambient-light-sensor",
    "autoplay",
    "battery",
    "camera",
    "cross-origin-isolated",
    "display-capture",
    "document-domain",
    "encrypted-media",
    "execution-while-not-rendered",
    "execution-while-out-of-viewport",
    "fullscreen",
    "geolocation",
    "gyroscope",
    "keyboard-map",
    "magnetometer",
    "microphone",
    "midi",
    "navigation-override",
    "payment",
    "picture-in-picture",
    "publickey-credentials-get",
    "screen-wake-lock",
    "sync-xhr",
    "usb",
    "web-share",
    "xr-spatial-tracking",
    "clipboard-read",
    "clipboard-write",
    "gamepad",
    "speaker-selection",
    "conversion-measurement",
    "focus-without-user-activation",
    "hid",
    "idle-detection",
    "interest-cohort",
    "serial",
    "sync-script",
    "trust-token-redemption",
    "window-placement",
    "vertical-scroll",
];

const OTHERS: &[(&str, &str)] = &[
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-XSS-Protection", "1; mode=block"),
];

impl Policy {
    /// The headers that it stands for.
    pub fn headers(self) -> Headers {
        if self == Policy::Disabled {
            return Headers::new();
        }
        let off: Vec<String> = PERMISSIONS.iter().map(|name| format!("{name}=()")).collect();
        let texts = OTHERS.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        let made = [
            ("Content-Security-Policy".to_string(), CONTENT.to_string()),
            ("Permissions-Policy".to_string(), off.join(", ")),
        ];
        texts.chain(made).collect()
    }
}
