//! Handing work to the sequencer.
//!
//! Lives here: what a message is, the answers of a full or closed queue.
//! Lives elsewhere: the queue (`inbox`), the work (`sequencer`).
//!
//! Always: a full queue answers MZ-6007 at once; after hand-over nothing is cancelled, and whoever stops
//! waiting asks `GetVoucher`.

use ledger::decide::Signature;
use ledger::form::Form;
use ledger::ids::{Date, OrgId};
use ledger::reject::{Reason, Reject, Text};
use ledger::state::State;
use ledger::voucher::Voucher;
use record::limits::{QUEUE_RETRY_MS, QUEUE_VOUCHERS_MAX};
use tlog::Vkey;
use tokio::sync::oneshot;

use super::checkpoint::Signed;
use super::inbox::{Charge, Inbox, Turned};
use super::reply::{Delivered, Delivery};
use crate::reading::shown;

/// A voucher to be posted or tried.
#[derive(Clone, Debug)]
pub struct Post {
    /// The document.
    pub voucher: Voucher,
    /// All checks, nothing posted.
    pub validate_only: bool,
    /// Origin of the ledger that is meant; empty: not said.
    pub origin: String,
    /// Organisation of the connection; `None`: that of the voucher is believed.
    pub identity: Option<OrgId>,
    /// Hash of the connection's key; `None`: it brought no certificate.
    pub key_hash: Option<[u8; 32]>,
}

/// A voucher whose form is right, on its way.
pub(crate) struct Posted {
    pub(crate) post: Post,
    pub(crate) form: Form,
    pub(crate) digest: [u8; 32],
    pub(crate) signature: Signature,
    pub(crate) sender: oneshot::Sender<Delivered>,
    pub(crate) charge: Charge,
}

/// Bytes of a line of a dry run's answer: its legs as text.
const PREVIEW_LINE_BYTES: usize = 640;

/// Looks something up in the speculative state; what it returns is delivered when all that it may rest
/// on is applied.
pub(crate) type Look = Box<dyn FnOnce(&State) -> Delivery + Send>;

/// What the sequencer is asked.
pub(crate) enum Message {
    /// Decide a voucher.
    Post(Box<Posted>),
    /// Look something up.
    Look(Look),
    /// Seal the log and publish a checkpoint, unless the last record is a seal.
    Seal(oneshot::Sender<Result<Signed, Reason>>),
}

/// Hands a message over, or says why not.
pub(crate) fn submit(inbox: &Inbox<Message>, message: Message) -> Result<(), Reason> {
    inbox.push(message).map_err(|turned| match turned {
        Turned::Full(_) => full(inbox),
        Turned::Closed(_) => closed(),
    })
}

/// The answer of a queue that takes in nothing at the moment.
fn full(inbox: &Inbox<Message>) -> Reason {
    let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let found = number(inbox.load().messages);
    Reason::QueueFull { found, max: number(QUEUE_VOUCHERS_MAX), ms: QUEUE_RETRY_MS }
}

/// The answer of a process that takes nothing in any more.
pub(crate) fn closed() -> Reason {
    Reason::ReadOnly { why: Text::Borrowed("the server is stopping") }
}

/// What can be said of a voucher without any state, and so without a turn in the queue.
pub(crate) fn prepare(
    inbox: &Inbox<Message>,
    origin: &str,
    post: Post,
    sender: oneshot::Sender<Delivered>,
) -> Result<Posted, Reject> {
    let form = ledger::form::check(&post.voucher)?;
    let digest = ledger::digest::digest(origin, &post.voucher, &form.kinds);
    let signature = signature(origin, &post.voucher, &digest);
    let lines = if post.validate_only { post.voucher.len() } else { 0 };
    let answer = lines.saturating_mul(PREVIEW_LINE_BYTES);
    let bytes = post.voucher.size_bytes().saturating_add(answer);
    let charge = inbox.charge(bytes).ok_or_else(|| full(inbox).at(0, ""))?;
    Ok(Posted { post, form, digest, signature, sender, charge })
}

/// Whether an organisation may ask at all: with a certificate its key is not ended (5016), and bound to no
/// other organisation (5015); a key that nobody bound speaks for the organisation its authority named.
///
/// # Errors
/// 5015, 5016.
pub fn standing(
    state: &State,
    organisation: OrgId,
    key_hash: Option<[u8; 32]>,
    today: Date,
) -> Result<(), Reason> {
    let Some(key_hash) = key_hash else { return Ok(()) };
    let Some(bound) = state.access.certificate(&key_hash) else {
        let known = state.access.organisation(organisation).is_some();
        return if known { Ok(()) } else { Err(Reason::IdentityRevoked { date: today }) };
    };
    if let Some(date) = bound.revoked.filter(|date| *date <= today) {
        return Err(Reason::IdentityRevoked { date });
    }
    if bound.not_after < today {
        return Err(Reason::IdentityRevoked { date: bound.not_after });
    }
    if bound.organisation != organisation {
        return Err(Reason::IdentityDiffers { found: bound.organisation, stated: organisation });
    }
    Ok(())
}

/// Whether a voucher is its sender's, and for this ledger. That the sender may ask at all is asked before.
///
/// # Errors
/// 5015, 8002.
pub(crate) fn addressed(origin: &str, post: &Post) -> Result<(), Reject> {
    if let Some(found) = post.identity
        && found.as_str() != post.voucher.organisation()
        && let Some(stated) = OrgId::id(post.voucher.organisation())
    {
        return Err(Reason::IdentityDiffers { found, stated }.at(0, "organisation").into());
    }
    if !post.origin.is_empty() && post.origin != origin {
        let (found, origin) = (shown(&post.origin).into(), origin.to_owned().into());
        return Err(Reason::NotThisLedger { found, origin }.at(0, "origin").into());
    }
    Ok(())
}

/// Checks the approver's signature with the key that the voucher brings; whether that key is the
/// approver's is for the state to say.
pub fn signature(origin: &str, voucher: &Voucher, digest: &[u8; 32]) -> Signature {
    let (signature, key) = (voucher.approval_signature(), voucher.approver_key());
    if signature.is_empty() && key.is_empty() {
        return Signature::Absent;
    }
    let text = ledger::digest::approval_text(origin, voucher, digest);
    let key = key.try_into().ok().and_then(|key: &[u8; 32]| Vkey::new(origin, key).ok());
    match key {
        Some(key) if key.verify(text.as_bytes(), signature) => Signature::Valid,
        _ => Signature::Invalid,
    }
}
