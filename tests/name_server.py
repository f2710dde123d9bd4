"""A name server on the loopback address, for tests that ask the DNS."""

import socket
import threading

import dns.message
import dns.rrset


class FakeNameServer:
    """Answers UDP questions on the loopback address from a function of the question."""

    def __init__(self, answer):
        self.answer = answer
        self.questions: list[str] = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                packet, client = self.socket.recvfrom(65535)
            except OSError:
                return
            if not packet:
                return
            query = dns.message.from_wire(packet)
            self.questions.append(str(query.question[0].name))
            response = self.answer(query)
            if response is not None:
                self.socket.sendto(response, client)

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as farewell:
            farewell.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join(5)
        self.socket.close()


def with_records(*records, name=None):
    def answer(query):
        response = dns.message.make_response(query)
        owner = name or query.question[0].name
        for record in records:
            response.answer.append(dns.rrset.from_text(owner, 60, "IN", *record))
        return response.to_wire(max_size=65535)

    return answer
