"""Bodies of multipart/form-data, as clients write them."""

BOUNDARY = "----form-0123456789"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def form(*parts):
    """A body of multipart/form-data: (name, text) or (name, bytes, file)."""
    out = b""
    for name, value, *file in parts:
        out += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'.encode()
        if file:
            out += (f'; filename="{file[0]}"\r\n'
                    f'Content-Type: application/octet-stream').encode()
        out += b"\r\n\r\n" + (value if isinstance(value, bytes)
                              else value.encode()) + b"\r\n"
    return out + f"--{BOUNDARY}--\r\n".encode()
