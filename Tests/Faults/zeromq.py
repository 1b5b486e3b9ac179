"""The few calls of libzmq that hostile peers need, through ctypes: nothing has to be installed for it."""

import ctypes
import ctypes.util
import pathlib

from processes import Skipped

DEALER, ROUTER = 5, 6
IDENTITY, RCVBUF, RCVMORE, LINGER, RECONNECT, MAXMSGSIZE, SNDHWM, RCVHWM, RCVTIMEO, SNDTIMEO = 5, 12, 13, 17, 18, 22, 23, 24, 27, 28
PLAIN_USERNAME, PLAIN_PASSWORD, CURVE_PUBLICKEY, CURVE_SECRETKEY, CURVE_SERVERKEY = 45, 46, 48, 49, 50
DONTWAIT, SNDMORE = 1, 2


def load():
    name = ctypes.util.find_library("zmq") or "libzmq.so.5"
    try:
        library = ctypes.CDLL(name, use_errno=True)
    except OSError as error:
        raise Skipped(f"needs libzmq: {error}") from None
    library.zmq_ctx_new.restype = library.zmq_socket.restype = ctypes.c_void_p
    library.zmq_socket.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.zmq_setsockopt.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t]
    library.zmq_getsockopt.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    library.zmq_connect.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    library.zmq_send.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
    library.zmq_recv.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    library.zmq_close.argtypes = library.zmq_ctx_term.argtypes = [ctypes.c_void_p]
    return library


class Socket:
    """A socket with a context of its own."""

    def __init__(self, kind: int, endpoint: str, options: dict[int, int | bytes] = {}):
        self.library = load()
        self.context = self.library.zmq_ctx_new()
        self.socket = self.library.zmq_socket(self.context, kind)
        for option, value in {LINGER: 0, SNDTIMEO: 5000, **options}.items():
            data = value.to_bytes(8 if option == MAXMSGSIZE else 4, "little", signed=True) if isinstance(value, int) else value
            if self.library.zmq_setsockopt(self.socket, option, data, len(data)) != 0:
                raise OSError(ctypes.get_errno(), f"option {option}")
        self.buffer = ctypes.create_string_buffer(1 << 20)
        if self.library.zmq_connect(self.socket, endpoint.encode()) != 0:
            raise OSError(ctypes.get_errno(), endpoint)

    def __enter__(self) -> "Socket":
        return self

    def __exit__(self, *_) -> None:
        self.library.zmq_close(self.socket)
        self.library.zmq_ctx_term(self.context)

    def send(self, *frames: bytes) -> bool:
        """Whether the library took the frames, waiting for a moment when it is full."""
        for index, frame in enumerate(frames):
            more = SNDMORE if index + 1 < len(frames) else 0
            if self.library.zmq_send(self.socket, frame, len(frame), more) < 0:
                return False
        return True

    def receive(self, timeout: float = 1) -> list[bytes]:
        """The frames of the next message; none after the timeout (in seconds)."""
        data = int(timeout * 1000).to_bytes(4, "little")
        self.library.zmq_setsockopt(self.socket, RCVTIMEO, data, 4)
        frames: list[bytes] = []
        while True:
            count = self.library.zmq_recv(self.socket, self.buffer, len(self.buffer), 0)
            if count < 0:
                return frames
            frames.append(self.buffer.raw[:count])
            more, size = ctypes.c_int(), ctypes.c_size_t(4)
            self.library.zmq_getsockopt(self.socket, RCVMORE, ctypes.byref(more), ctypes.byref(size))
            if not more.value:
                return frames


def new_keys() -> tuple[bytes, bytes]:
    """A key pair that nobody knows: public, secret."""
    public, secret = ctypes.create_string_buffer(41), ctypes.create_string_buffer(41)
    load().zmq_curve_keypair(public, secret)
    return public.value, secret.value


def curve(public: bytes, secret: bytes, server: bytes) -> dict[int, bytes]:
    return {CURVE_SERVERKEY: server, CURVE_PUBLICKEY: public, CURVE_SECRETKEY: secret}


def key_file(path: pathlib.Path) -> dict[str, bytes]:
    """The keys in a file of `tare keygen`."""
    lines = [line.split() for line in path.read_text().splitlines() if not line.startswith("#")]
    words = {line[0]: line[1].encode() for line in lines if len(line) >= 2 and line[0] in ("secret", "public")}
    return words


def worker_options(keys: pathlib.Path, name: str = "worker") -> dict[int, bytes]:
    """The socket options of a peer that has a key of the folder."""
    own, server = key_file(keys / f"{name}.secret"), key_file(keys / "coordinator.secret")
    return curve(own["public"], own["secret"], server["public"])
