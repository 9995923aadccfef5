//! The key of a device, as its object of the class `Keys` stores it. An app registered the key by App Attest.

use failsoft::Millis;
use serde::{Deserialize, Serialize};
use worker::Storage;

/// The name of the key in the storage.
const DEVICE: &str = "device";

/// How long a key is stored after its last use, in milliseconds: half a year.
pub(super) const UNUSED_AGE: Millis = 180 * 24 * 60 * 60 * 1_000;

/// A registered key. The field names are those of the stored JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Device {
    /// The id of the app: `TEAMID.BUNDLE`.
    pub(crate) app: String,
    /// The point of the public key, in base64url.
    pub(crate) key: String,
    /// The counter of the last assertion.
    pub(crate) counter: u32,
    /// The key was made in App Attest's development environment.
    pub(crate) is_development: bool,
    /// An admin revoked the key: it gives no session any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_revoked: bool,
}

/// The name of the object that stores the device's key with this id. All sessions that came from the key have the name, too.
pub(crate) fn device_object(id: &str) -> String {
    ["device:", id].concat()
}

/// Reads the key of this object. Reading stores nothing, so invented ids leave nothing behind.
pub(super) async fn load(storage: &Storage) -> worker::Result<Option<Device>> {
    let device: Option<String> = storage.get(DEVICE).await?;
    Ok(device.map(|device| serde_json::from_str(&device)).transpose()?)
}

pub(super) async fn store(storage: &Storage, device: &Device) -> worker::Result<()> {
    storage.put(DEVICE, serde_json::to_string(device)?).await
}
