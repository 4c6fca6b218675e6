//! `Audit`: signed statements about the log.

use ledger::reject::Reason;
use proto::v1;
use tonic::{Request, Response, Status};

use super::status::refuse;
use crate::auth::authenticate;
use crate::node::{Handle, Signed};

pub use super::generated::audit_server::AuditServer as Server;

/// The service.
#[derive(Clone)]
pub struct Audit {
    node: Handle,
}

impl Audit {
    /// Makes the service of a ledger.
    pub fn new(node: Handle) -> Self {
        Self { node }
    }
}

#[tonic::async_trait]
impl super::generated::audit_server::Audit for Audit {
    async fn get_checkpoint(
        &self,
        request: Request<v1::GetCheckpointRequest>,
    ) -> Result<Response<v1::GetCheckpointResponse>, Status> {
        let identity = authenticate(&request)?;
        let asked = request.into_inner();
        if asked.publish {
            super::scope::operator(&self.node, identity).await?;
            let signed = self.node.seal().await.map_err(refuse)?;
            return Ok(Response::new(response(signed, true)));
        }
        if asked.fresh {
            let no_key = || refuse(Reason::ReadOnly { why: "there is no signing key".into() });
            let signed = self.node.sign_head().ok_or_else(no_key)?;
            let published = self.node.published().is_some_and(|newest| newest.size == signed.size);
            return Ok(Response::new(response(signed, published)));
        }
        let none = || {
            let (what, id) = ("checkpoint".into(), self.node.origin().to_owned().into());
            refuse(Reason::NotFound { what, id })
        };
        Ok(Response::new(response(self.node.published().ok_or_else(none)?, true)))
    }
}

fn response(signed: Signed, published: bool) -> v1::GetCheckpointResponse {
    let Signed { note, size, root } = signed;
    v1::GetCheckpointResponse { checkpoint: note, size, root: root.to_vec(), published }
}
