/** @file One gRPC call through a proxy of HTTP/2, its messages as they are or changed on the way. */

import * as http2 from "node:http2";
import { Transform } from "node:stream";

/** Gives the message that goes on; `path` is the call's, as in `/spark.connect.SparkConnectService/Config`. */
export type Edit = (path: string, message: Buffer) => Uint8Array;

export interface Edits {
  readonly request?: Edit;
  readonly response?: Edit;
}

/** Hands a call on to the server. */
export function forward(
  stream: http2.ServerHttp2Stream,
  headers: http2.IncomingHttpHeaders,
  upstream: http2.ClientHttp2Session,
  { request, response }: Edits = {},
): void {
  const { ":scheme": _scheme, ":authority": _authority, ...rest } = headers;
  const path = headers[":path"]!;
  const call = upstream.request(rest);
  call.on("error", () => stream.close(http2.constants.NGHTTP2_CANCEL));
  stream.on("error", () => {});
  stream.on("aborted", () => call.close(http2.constants.NGHTTP2_CANCEL));
  let trailers: http2.IncomingHttpHeaders = {};
  call.on("trailers", (found) => {
    trailers = found;
  });
  call.on("response", (found, flags) => {
    if (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) {
      stream.respond(found, { endStream: true });
      return;
    }
    stream.respond(found, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers(trailers as http2.OutgoingHttpHeaders));
    (response === undefined ? call : call.pipe(messages(path, response))).pipe(stream);
  });
  (request === undefined ? stream : stream.pipe(messages(path, request))).pipe(call);
}

/** Messages of gRPC: a flag, a length in four bytes, as many bytes. */
function messages(path: string, edit: Edit): Transform {
  let held = Buffer.alloc(0);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      held = Buffer.concat([held, chunk]);
      while (held.length >= 5 && held.length >= 5 + held.readUInt32BE(1)) {
        const end = 5 + held.readUInt32BE(1);
        const message = edit(path, held.subarray(5, end));
        const header = Buffer.from(held.subarray(0, 5));
        header.writeUInt32BE(message.length, 1);
        this.push(Buffer.concat([header, message]));
        held = held.subarray(end);
      }
      done();
    },
  });
}
