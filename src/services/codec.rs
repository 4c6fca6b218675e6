//! The codecs of the services: requests that hold a voucher arrive as the bytes they are, small requests as
//! messages of which every field is known.
//!
//! Lives here: bytes in, messages out.
//! Lives elsewhere: reading a request's bytes strictly (`crate::wire`).
//!
//! Always: nothing is dropped unseen. A generated decoder would skip unknown fields before a handler
//! sees them and answer a malformed message without a code.

use std::marker::PhantomData;

use bytes::{Buf as _, BufMut as _, Bytes};
use prost::{DecodeError, Message};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use super::posting::unread;
use crate::wire;

/// Raw requests, messages of type `M` as answers.
#[derive(Debug)]
pub struct RawCodec<M>(PhantomData<M>);

impl<M> Default for RawCodec<M> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<M: Message + 'static> Codec for RawCodec<M> {
    type Encode = M;
    type Decode = Bytes;
    type Encoder = MessageEncoder<M>;
    type Decoder = RawDecoder;

    fn encoder(&mut self) -> Self::Encoder {
        MessageEncoder(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        RawDecoder
    }
}

/// Requests of type `R`, of which every byte must be known, and messages of type `M` as answers.
#[derive(Debug)]
pub struct StrictCodec<M, R>(PhantomData<(M, R)>);

impl<M, R> Default for StrictCodec<M, R> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<M: Message + 'static, R: Small> Codec for StrictCodec<M, R> {
    type Encode = M;
    type Decode = R;
    type Encoder = MessageEncoder<M>;
    type Decoder = StrictDecoder<R>;

    fn encoder(&mut self) -> Self::Encoder {
        MessageEncoder(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        StrictDecoder(PhantomData)
    }
}

/// Reads a small request.
#[derive(Debug)]
pub struct StrictDecoder<R>(PhantomData<R>);

impl<R: Small> Decoder for StrictDecoder<R> {
    type Item = R;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<R>, Status> {
        let bytes = source.copy_to_bytes(source.remaining());
        wire::known(R::NAME, &bytes).map_err(unread)?;
        // What was walked through decodes, too.
        let unread_at =
            |error: DecodeError| wire::Fault::Malformed { offset: 0, what: error.to_string() };
        R::decode(bytes).map(Some).map_err(|error| unread(unread_at(error)))
    }
}

/// A request that holds no voucher.
pub trait Small: Message + Default + 'static {
    /// Its name among the descriptors.
    const NAME: &'static str;
}

macro_rules! small {
    ($($name:ident)*) => {
        $(impl Small for proto::v1::$name {
            const NAME: &'static str = concat!(".mingzhang.v1.", stringify!($name));
        })*

        /// Names of all of them.
        #[cfg(test)]
        pub(crate) const SMALL: &[&str] = &[$(<proto::v1::$name as Small>::NAME),*];
    };
}

small! {
    GetVoucherRequest
    RegistryGetHouseholdRequest ListMembersRequest ListAccountsRequest ListPairingsRequest
    ListSchemesRequest ListBaselinesRequest ListAreasRequest ListOrganisationsRequest
    GetHouseholdRequest GetVillageRequest GetTownRequest GetCountyRequest GetCityRequest
    GetProvinceRequest GetQuotaRequest ListHouseholdsRequest ListVillagesRequest ListCitiesRequest
    ListTransitRequest WatchHouseholdRequest WatchCityRequest
    ReadRecordsRequest FollowRequest GetRecordRequest
    GetReportRequest GetCheckpointRequest ListAlertsRequest ListFindingsRequest StatusRequest ListViewRowsRequest
}

/// Writes a message.
#[derive(Debug)]
pub struct MessageEncoder<M>(PhantomData<M>);

impl<M: Message + 'static> Encoder for MessageEncoder<M> {
    type Item = M;
    type Error = Status;

    fn encode(&mut self, item: M, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(out).map_err(|error| Status::internal(error.to_string()))
    }
}

/// Hands over the bytes of one message, without a copy where the transport allows.
#[derive(Debug)]
pub struct RawDecoder;

impl Decoder for RawDecoder {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(source.copy_to_bytes(source.remaining())))
    }
}

/// A client's side: requests that were encoded before, messages of type `M` as answers.
#[derive(Debug)]
pub struct ReadyCodec<M>(PhantomData<M>);

impl<M> Default for ReadyCodec<M> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<M: Message + Default + 'static> Codec for ReadyCodec<M> {
    type Encode = Bytes;
    type Decode = M;
    type Encoder = BytesEncoder;
    type Decoder = AnswerDecoder<M>;

    fn encoder(&mut self) -> Self::Encoder {
        BytesEncoder
    }

    fn decoder(&mut self) -> Self::Decoder {
        AnswerDecoder(PhantomData)
    }
}

/// Reads an answer; of a newer server it may hold fields that are not known here.
#[derive(Debug)]
pub struct AnswerDecoder<M>(PhantomData<M>);

impl<M: Message + Default> Decoder for AnswerDecoder<M> {
    type Item = M;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<M>, Status> {
        M::decode(source).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}

/// Raw bytes both ways, for the service that does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct BytesCodec;

impl Codec for BytesCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = BytesEncoder;
    type Decoder = RawDecoder;

    fn encoder(&mut self) -> Self::Encoder {
        BytesEncoder
    }

    fn decoder(&mut self) -> Self::Decoder {
        RawDecoder
    }
}

/// Writes bytes as they are.
#[derive(Debug)]
pub struct BytesEncoder;

impl Encoder for BytesEncoder {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(item);
        Ok(())
    }
}
