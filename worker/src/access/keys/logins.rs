//! The admin sessions, in one object of the class `Keys`. The object knows the digest of each session's id and no id, so whoever
//! reads the storage can use none. A sign-in has one id at a time: a renewal replaces the id.

use failsoft::Millis;
use serde::{Deserialize, Serialize};
use worker::SqlStorage;

/// The most ids that are stored. Only holders of an admin token make any; the oldest one makes room.
const MOST: i64 = 1_000;

/// A valid id of a sign-in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Login {
    /// Names the sign-in. All ids of a sign-in have the same name.
    pub(crate) name: String,
    /// The name of the admin whose token was sent.
    pub(crate) admin: String,
    /// A digest of the token. With another token the session is over.
    pub(crate) token: String,
    /// When the id ends, in milliseconds since 1970.
    pub(crate) until: Millis,
    /// When the sign-in ends, whatever its ids say.
    pub(crate) ends: Millis,
}

/// Which sessions end.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Ended {
    /// All ids of the sign-in that this id belongs to.
    OfDigest(String),
    /// All sessions of an admin.
    OfAdmin(String),
}

/// The table of sessions.
#[derive(Debug)]
pub(super) struct Logins<'a>(pub(super) &'a SqlStorage);

#[derive(Deserialize)]
struct Row {
    data: String,
}

impl Logins<'_> {
    /// Stores the id with this digest.
    pub(super) fn open(&self, digest: &str, login: &Login, now: Millis) -> worker::Result<()> {
        self.create()?;
        self.0.exec("DELETE FROM logins WHERE until <= ?", vec![(now as f64).into()])?;
        let oldest =
            "DELETE FROM logins WHERE digest IN (SELECT digest FROM logins ORDER BY until DESC LIMIT -1 OFFSET ?)";
        self.0.exec(oldest, vec![(MOST - 1).into()])?;
        let values = vec![
            digest.into(),
            login.name.as_str().into(),
            login.admin.as_str().into(),
            (login.until as f64).into(),
            serde_json::to_string(login)?.into(),
        ];
        self.0
            .exec("INSERT OR REPLACE INTO logins (digest, name, admin, until, data) VALUES (?, ?, ?, ?, ?)", values)?;
        Ok(())
    }

    /// The sign-in of the id with this digest, if the id is valid.
    pub(super) fn find(&self, digest: &str, now: Millis) -> worker::Result<Option<Login>> {
        self.create()?;
        let values = vec![digest.into(), (now as f64).into()];
        let rows = self.0.exec("SELECT data FROM logins WHERE digest = ? AND until > ?", values)?;
        let rows: Vec<Row> = rows.to_array()?;
        rows.first().map(|row| Ok(serde_json::from_str(&row.data)?)).transpose()
    }

    /// Replaces the id `old` by another one, which ends at `until` at the latest. `old` is valid for `grace` more: requests
    /// with it may be under way.
    pub(super) fn renew(
        &self,
        old: &str,
        digest: &str,
        until: Millis,
        grace: Millis,
        now: Millis,
    ) -> worker::Result<Option<Login>> {
        let Some(mut login) = self.find(old, now)? else { return Ok(None) };
        login.until = until.min(login.ends);
        let values = vec![((now + grace) as f64).into(), old.into()];
        self.0.exec("UPDATE logins SET until = min(until, ?) WHERE digest = ?", values)?;
        self.open(digest, &login, now)?;
        Ok(Some(login))
    }

    pub(super) fn end(&self, ended: &Ended) -> worker::Result<()> {
        self.create()?;
        let (delete, value) = match ended {
            Ended::OfDigest(digest) => {
                ("DELETE FROM logins WHERE name IN (SELECT name FROM logins WHERE digest = ?)", digest)
            }
            Ended::OfAdmin(admin) => ("DELETE FROM logins WHERE admin = ?", admin),
        };
        self.0.exec(delete, vec![value.as_str().into()]).map(drop)
    }

    fn create(&self) -> worker::Result<()> {
        let table = "CREATE TABLE IF NOT EXISTS logins \
                     (digest TEXT PRIMARY KEY, name TEXT, admin TEXT, until INTEGER, data TEXT)";
        self.0.exec(table, None).map(drop)
    }
}
