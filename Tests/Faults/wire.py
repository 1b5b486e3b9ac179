"""Messages of docs/protocol.md, said by hand: protobuf by its encoding rules, so that they can also be wrong."""

import os

import zeromq

KINDS = {"hello": 10, "welcome": 11, "reject": 12, "lease_request": 13, "lease": 14, "wait": 15, "done": 16, "heartbeat": 17,
         "heartbeat_ack": 18, "commit": 19, "commit_ack": 20, "fail": 21, "fail_ack": 22, "unknown": 23, "drain": 24,
         "goodbye": 25, "error": 26, "model_ready": 27, "model_loaded": 28, "client_request": 29, "client_answer": 30,
         "get": 40, "chunk": 41, "put_open": 42, "put_need": 43, "put_chunk": 44, "put_ack": 45, "sample_request": 46,
         "sample_chunk": 47}
NAMES = {number: name for name, number in KINDS.items()}


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def message(fields: dict) -> bytes:
    """A protobuf message; values are numbers, bytes, text, messages (as dicts) or lists of these."""
    out = b""
    for number, value in fields.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, int):
                out += varint(number << 3) + varint(one)
                continue
            data = message(one) if isinstance(one, dict) else one.encode() if isinstance(one, str) else one
            out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def parse(data: bytes) -> dict[int, list]:
    """The fields of a message, each a list of numbers or bytes."""
    fields: dict[int, list] = {}
    position = 0

    def number() -> int:
        nonlocal position
        value = shift = 0
        while True:
            byte = data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while position < len(data):
        tag = number()
        if tag & 7 == 0:
            fields.setdefault(tag >> 3, []).append(number())
        else:
            length = number()
            fields.setdefault(tag >> 3, []).append(data[position:position + length])
            position += length
    return fields


class Peer:
    """Somebody on the control or the data socket who says what it likes."""

    def __init__(self, endpoint: str, options: dict, session: bytes | None = None):
        self.socket = zeromq.Socket(zeromq.DEALER, endpoint, options)
        self.session = session or os.urandom(16)
        self.sequence = 0

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_) -> None:
        self.socket.__exit__()

    def envelope(self, kind: str, body: dict, version: int = 1) -> bytes:
        self.sequence += 1
        return message({1: version, 2: self.session, 3: self.sequence, KINDS[kind]: body})

    def say(self, kind: str, body: dict = {}, *payload: bytes) -> bool:
        return self.socket.send(self.envelope(kind, body), *payload)

    def hear(self, timeout: float = 1) -> tuple[str, dict, bytes]:
        """Kind, fields and payload of the next message; kind "" when there is none."""
        frames = self.socket.receive(timeout)
        if not frames:
            return "", {}, b""
        fields = parse(frames[0])
        kind = next((number for number in fields if number in NAMES), None)
        return NAMES.get(kind, ""), parse(fields[kind][0]) if kind else {}, frames[1] if len(frames) > 1 else b""

    def ask(self, kind: str, body: dict, *answers: str, timeout: float = 10) -> tuple[str, dict, bytes]:
        """Says something until it is answered with one of these kinds."""
        for _ in range(int(timeout)):
            self.say(kind, body)
            heard = self.hear(1)
            while heard[0] and heard[0] not in answers:
                heard = self.hear(1)
            if heard[0]:
                return heard
        return "", {}, b""

    def join(self, node: str = "stranger", rank: int = 0, arithmetic: str = "", timeout: float = 10) -> str:
        """Says Hello; returns the kind of the answer."""
        hello = {1: 1, 2: 1, 3: "faults", 4: node, 5: os.getpid(), 6: rank, 7: arithmetic}
        return self.ask("hello", hello, "welcome", "reject", timeout=timeout)[0]


def data_endpoint(control: str) -> str:
    """The data socket's endpoint: the next port, or `.data` after the path."""
    if control.startswith("ipc://"):
        return control + ".data"
    host, port = control.rsplit(":", 1)
    return f"{host}:{int(port) + 1}"
