"""A stock gRPC client: everything it knows of the ledger it learns from server reflection.

Posts a voucher, retries it, streams 1,000 small ones, reads balances, and gets a refusal with code and line.
Usage: stock_client.py ADDRESS   (a fresh synthetic ledger that holds tests/data/example-registry.jsonl)
"""
import sys

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

ADDRESS = sys.argv[1]
channel = grpc.insecure_channel(ADDRESS)
database = ProtoReflectionDescriptorDatabase(channel)
pool = descriptor_pool.DescriptorPool(database)


def message(name):
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def method(service, name):
    """A callable for one rpc, built from the reflected descriptor alone."""
    rpc = pool.FindServiceByName(service).FindMethodByName(name)
    path = f"/{service}/{name}"
    kind = ("stream" if rpc.client_streaming else "unary") + "_" + ("stream" if rpc.server_streaming else "unary")
    request, reply = message(rpc.input_type.full_name), message(rpc.output_type.full_name)
    call = getattr(channel, kind)(path, request_serializer=request.SerializeToString, response_deserializer=reply.FromString)
    return call, request


def organisation(number, first=1, lines=1, repeat=None):
    """A voucher that registers helping units HU440106-NNNN, one a line."""
    _, request = method("mingzhang.v1.Posting", "PostVoucher")
    voucher = request().voucher
    header = voucher.header
    header.organisation, header.voucher_no, header.effective_date = "PO44", number, "2016-12-01"
    header.prepared_by, header.approved_by, header.line_count, header.total_fen = "p.po44", "a.po44", lines, 0
    for i in range(lines):
        name = repeat if repeat and i == 1 else f"HU440106-{first + i:04d}"
        voucher.lines.add(line_no=i + 1, kind="OrganisationRegistered", organisation=name, org_kind="HU", unit="440106")
    return voucher


def check(what, ok):
    print(f"{'ok  ' if ok else 'FAIL'} {what}")
    if not ok:
        sys.exit(1)


services = database.get_services()
for name in ("Posting", "Registry", "Balances", "Log", "Audit", "Admin"):
    check(f"reflection lists mingzhang.v1.{name}", f"mingzhang.v1.{name}" in services)
health, request = method("grpc.health.v1.Health", "Check")
check("health says SERVING", health(request()).status == 1)

# One voucher, and its retry.
post, request = method("mingzhang.v1.Posting", "PostVoucher")
first, call = post.with_call(request(voucher=organisation("PY-0001")))
check("a voucher is posted", first.reply.voucher_no == "PY-0001" and first.reply.last_seq == first.reply.first_seq + 1)
again, call = post.with_call(request(voucher=organisation("PY-0001")))
metadata = dict(call.initial_metadata()) | dict(call.trailing_metadata())
check("its retry answers byte for byte", first.SerializeToString(deterministic=True) == again.SerializeToString(deterministic=True))
check("and says that it is one beside the reply", metadata.get("mingzhang-duplicate") == "1")

# A dry run posts nothing.
dry = post(request(voucher=organisation("PY-0002", first=2), validate_only=True))
check("a dry run answers with a preview", dry.WhichOneof("outcome") == "preview" and not dry.preview.would_be_duplicate)

# 1,000 small vouchers on one stream, many in flight; answers come in the order of requests.
stream, request_many = method("mingzhang.v1.Posting", "PostVouchers")
requests = (request_many(tag=n, voucher=organisation(f"PY-S{n:04d}", first=1000 + n)) for n in range(1000))
answers = list(stream(requests))
check("1,000 vouchers on a stream answer in order", [a.tag for a in answers] == list(range(1000)))
check("all were posted", all(a.WhichOneof("outcome") == "reply" and not a.duplicate for a in answers))
answers = list(stream(request_many(tag=n, voucher=organisation(f"PY-S{n:04d}", first=1000 + n)) for n in range(1000)))
check("all are duplicates on a second stream", all(a.WhichOneof("outcome") == "reply" and a.duplicate for a in answers))

# A refusal names its code and line, and never ends a stream.
try:
    post(request(voucher=organisation("PY-0003", first=3, lines=3, repeat="HU440106-0001")))
    check("a second registration is refused", False)
except grpc.RpcError as error:
    status = status_pb2.Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        detail.Unpack(info) or detail.Unpack(bad)
    check("a refusal is ALREADY_EXISTS", error.code() == grpc.StatusCode.ALREADY_EXISTS)
    check("its reason is MZ-5025", info.reason == "MZ-5025" and info.domain == "mingzhang")
    check("it names line 2", info.metadata["line"] == "2" and bad.field_violations[0].field == "lines[2].organisation")
# A refusal of very many lines fits into the metadata that a stock client takes.
wrong = organisation("PY-0005", first=5, lines=5000)
for line in wrong.lines:
    line.organisation = "HU-" + "x" * 60
try:
    post(request(voucher=wrong))
    check("5,000 wrong lines are refused", False)
except grpc.RpcError as error:
    check("5,000 wrong lines are INVALID_ARGUMENT", error.code() == grpc.StatusCode.INVALID_ARGUMENT)
    status = status_pb2.Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        detail.Unpack(info) or detail.Unpack(bad)
    check("as many are listed as fit, and all are counted",
          20 <= len(bad.field_violations) and info.metadata["refusals"] == "5000")
mixed = [request_many(tag=1, voucher=organisation("PY-0003", first=3, lines=2, repeat="HU440106-0001")),
         request_many(tag=2, voucher=organisation("PY-0004", first=4))]
outcomes = [a.WhichOneof("outcome") for a in stream(iter(mixed))]
check("a refusal in a stream is an answer like another", outcomes == ["status", "reply"])

# Balances: every answer names its position.
household, request = method("mingzhang.v1.Balances", "GetHousehold")
answer = household(request(code="44142490120100013"))
check("a household's balance names its position", answer.position > 0 and answer.balance.code == "44142490120100013")
city, request = method("mingzhang.v1.Balances", "GetCity")
answer = city(request(code="4414"))
check("a home city's balance is there", answer.as_home.code == "4414")
try:
    city(request(code="4414", as_of_position=10**9))
    check("a position beyond the head is refused", False)
except grpc.RpcError as error:
    check("a position beyond the head is OUT_OF_RANGE", error.code() == grpc.StatusCode.OUT_OF_RANGE)
print("the stock client is content")
