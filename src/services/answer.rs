//! Answers as messages.
//!
//! Lives here: replies, previews and vouchers from the node's values to the API's.
//!
//! Always: a reply is the eight facts that the log fixes and nothing else; that it is a duplicate travels
//! beside it.

use ledger::kind::Kind;
use ledger::reject::{Reason, Reject, Text};
use ledger::voucher::Voucher;
use proto::v1;
use tonic::metadata::MetadataValue;
use tonic::{Response, Status};

use super::payload::{date, kind_name};
use super::posting::reversing;
use super::status::status;
use crate::node::{Answer, Posted, Preview, Reply};
use crate::wire::WholeReversal;

/// Response metadata of a duplicate's answer.
pub const DUPLICATE: &str = "mingzhang-duplicate";

/// What a posting's response holds.
pub enum Outcome {
    /// Posted.
    Reply(v1::PostReply),
    /// Tried.
    Preview(v1::Preview),
}

/// Returns the response of a unary post; a duplicate is said in metadata.
pub fn unary<R>(
    origin: &str,
    answer: Answer,
    wrap: impl FnOnce(Outcome) -> R,
) -> Result<Response<R>, Status> {
    let (outcome, duplicate) = outcome(origin, answer).map_err(|reject| status(&reject))?;
    let mut response = Response::new(wrap(outcome));
    if duplicate {
        response.metadata_mut().insert(DUPLICATE, MetadataValue::from_static("1"));
    }
    Ok(response)
}

/// Returns what an answer says, and whether it is a duplicate's.
pub fn outcome(origin: &str, answer: Answer) -> Result<(Outcome, bool), Reject> {
    match answer {
        Answer::Posted { reply: found, duplicate } => {
            Ok((Outcome::Reply(reply(origin, &found)), duplicate))
        }
        Answer::Preview { preview: found, duplicate_of } => {
            Ok((Outcome::Preview(preview(&found, duplicate_of.as_deref())), false))
        }
        Answer::Refused(reject) => Err(reject),
    }
}

/// Returns a reply as its message.
pub fn reply(origin: &str, reply: &Reply) -> v1::PostReply {
    v1::PostReply {
        origin: origin.to_owned(),
        organisation: reply.organisation.clone(),
        voucher_no: reply.voucher_no.clone(),
        first_seq: reply.first_seq.0,
        last_seq: reply.last_seq.0,
        time_ms: reply.time_ms,
        content_digest: reply.content_digest.to_vec(),
        chain_hash: reply.chain_hash.to_vec(),
    }
}

fn preview(preview: &Preview, duplicate_of: Option<&Reply>) -> v1::Preview {
    let leg = |(path, fen): &(String, i64)| v1::Leg { path: path.clone(), fen: *fen };
    let lines = preview.lines.iter().map(|line| v1::PreviewLine {
        line_no: line.line_no,
        kind: kind_name(line.kind).to_owned(),
        legs: line.legs.iter().map(leg).collect(),
        skipped: line.skipped.iter().map(|code| u32::from(*code)).collect(),
    });
    let warning = |reason: &Reason| {
        let hint = reason.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
        v1::Warning { code: reason.label(), text: format!("{}{hint}", reason.message()) }
    };
    v1::Preview {
        would_be_duplicate: duplicate_of.is_some(),
        first_seq: duplicate_of.map(|reply| reply.first_seq.0),
        last_seq: duplicate_of.map(|reply| reply.last_seq.0),
        lines: lines.collect(),
        warnings: preview.warnings.iter().map(warning).collect(),
        content_digest: preview.content_digest.to_vec(),
    }
}

/// Returns what became of a voucher.
pub fn voucher(origin: &str, found: &Posted) -> v1::GetVoucherResponse {
    let Posted { reply: found_reply, header, reversals } = found;
    let posted = &header.posted;
    let (signature, key) = match &posted.approval {
        Some(signed) => (signed.signature.to_vec(), signed.key.to_vec()),
        None => (Vec::new(), Vec::new()),
    };
    let header = v1::Header {
        organisation: posted.organisation.to_string(),
        voucher_no: posted.voucher_no.to_string(),
        effective_date: date(header.date),
        doc_no: posted.doc_no.to_string(),
        prepared_by: posted.prepared_by.to_string(),
        approved_by: posted.approved_by.to_string(),
        exception_reason: posted.exception_reason.to_string(),
        notice_ref: posted.notice_ref.to_string(),
        memo: header.memo.clone(),
        line_count: Some(posted.line_count),
        total_fen: posted.total_given.then_some(posted.total.get()),
        approval_signature: signature,
        approver_key: key,
    };
    let reversal =
        |(line_no, seq): &(u32, record::Seq)| v1::Reversal { line_no: *line_no, seq: seq.0 };
    v1::GetVoucherResponse {
        reply: Some(reply(origin, found_reply)),
        header: Some(header),
        reversals: reversals.iter().map(reversal).collect(),
    }
}

/// Makes the lines that reverse a whole voucher, last line first. `lines` are its line numbers and amounts.
pub fn whole_reversal(
    header: &Voucher,
    whole: &WholeReversal,
    key: &str,
    lines: &[(u32, i64)],
) -> Voucher {
    let lines: Vec<(String, i64)> =
        lines.iter().rev().map(|(line_no, fen)| (format!("{key}/{line_no}"), *fen)).collect();
    reversing(header, &lines, &whole.reason, &whole.memo)
}

/// The refusal of a reversal of a voucher that was never posted.
pub fn reversal_unknown(key: &str) -> Reject {
    let seq = Text::Owned(key.to_owned());
    let what = Text::Borrowed("no posted voucher");
    Reason::NotReversible { seq, what }.at(0, "voucher").into()
}

/// Groups that `Registry.Apply` takes; another is 1012 at its first line.
pub fn only_registry(voucher: &Voucher) -> Result<(), Reject> {
    use ledger::kind::Group;
    let other = voucher.lines().find_map(|line| {
        let kind = Kind::of_name(line.kind_name())?;
        let ours = matches!(
            kind.group(),
            Group::Registry | Group::Rules | Group::Access | Group::Finding | Group::Vault
        );
        (!ours).then_some((line.line_no(), kind))
    });
    match other {
        None => Ok(()),
        Some((line, kind)) => {
            let reason = Reason::MixedGroups { kind, other: Kind::HouseholdRegistered };
            Err(reason.at(line, "kind").into())
        }
    }
}
