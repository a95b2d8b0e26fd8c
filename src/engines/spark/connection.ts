/** @file Connection URLs as Spark's own clients read them: `sc://host:port/;token=…;user_id=…;use_ssl=true`. */

import { randomUUID } from "node:crypto";
import { userInfo } from "node:os";
import { ParamError } from "../../errors.js";
import { version } from "../../util/version.js";

/** Where and as whom to connect. */
export interface Connection {
  /** `host:port`, the host in brackets where it is an IPv6 address. */
  readonly address: string;
  readonly isSecure: boolean;
  readonly token: string | undefined;
  readonly userId: string;
  readonly userAgent: string;
  readonly sessionId: string;
  /** Whether the URL names the session, which others may use too. */
  readonly isGivenSession: boolean;
  /** Sent with every call: the URL's parameters that are not the client's own. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds between pings, which find connections that died in silence; undefined for none. */
  readonly keepAlive: number | undefined;
  /** Milliseconds to wait for a ping's answer. */
  readonly keepAliveTimeout: number;
}

const who = "Session.open";

/** Reads a connection URL. @throws ParamError that says which part of the URL is wrong. */
export function parseConnection(url: string): Connection {
  const match = /^sc:\/\/(\[[0-9a-f:.]+\]|[^/:;[\]]+)?(?::(\d+))?(\/[^;]*)?(?:;(.*))?$/i.exec(url);
  if (match === null) throw wrong(url, "it must have the form sc://host:port/;key=value;key=value");
  const [, host, port = "15002", path = "/", parameters = ""] = match;
  if (host === undefined) throw wrong(url, "the host is missing, as in sc://localhost:15002");
  if (path !== "/") throw wrong(url, `there must be no path, got ${JSON.stringify(path)}; parameters begin with "/;"`);
  if (Number(port) > 65_535 || Number(port) === 0) throw wrong(url, `the port must be 1 to 65535, got ${port}`);
  const given = readParameters(url, parameters);
  const take = (key: string): string | undefined => {
    const value = given.get(key);
    given.delete(key);
    return value;
  };
  const token = take("token") ?? process.env.SPARK_CONNECT_AUTHENTICATE_TOKEN;
  const useSsl = take("use_ssl")?.toLowerCase();
  const givenSession = take("session_id");
  const sessionId = givenSession ?? randomUUID();
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(sessionId)) {
    throw wrong(url, `session_id must be a UUID, got ${JSON.stringify(sessionId)}`);
  }
  const keepAlive = (take("grpc_keepalive_enabled") ?? "true").toLowerCase() === "true";
  const keepAliveTime = Number(take("grpc_keepalive_time_ms") ?? 60_000);
  const keepAliveTimeout = Number(take("grpc_keepalive_timeout_ms") ?? 20_000);
  if (!(keepAliveTime > 0) || !(keepAliveTimeout > 0)) throw wrong(url, "keep-alive times must be numbers above 0");
  take("grpc_keepalive_without_calls");
  // a token in clear text goes to this machine only, as in Spark's clients
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/i.test(host);
  const userId = take("user_id") ?? process.env.SPARK_USER ?? userInfo().username;
  return {
    address: `${host}:${port}`,
    isSecure: useSsl === "true" || (token !== undefined && !isLocal),
    token,
    userId,
    userAgent: [take("user_agent"), `deepframe/${version}`, `node/${process.versions.node}`].filter(Boolean).join(" "),
    sessionId,
    isGivenSession: givenSession !== undefined,
    keepAlive: keepAlive ? keepAliveTime : undefined,
    keepAliveTimeout,
    headers: Object.fromEntries(given),
  };
}

function readParameters(url: string, text: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const part of text.split(";").filter((part) => part !== "")) {
    const [, key, value] = /^([^=]+)=(.*)$/.exec(part) ?? [];
    if (key === undefined || value === undefined) {
      throw wrong(url, `parameter ${JSON.stringify(part)} must be written as key=value`);
    }
    try {
      parameters.set(key, decodeURIComponent(value));
    } catch {
      throw wrong(url, `the value of ${key} is not URL-encoded`);
    }
  }
  return parameters;
}

function wrong(url: string, reason: string): ParamError {
  // what may be secret is not repeated
  const shown = url.replace(/(token=)[^;]*/gi, "$1…");
  return new ParamError(who, `cannot read ${JSON.stringify(shown)}: ${reason}`, { code: "BAD_URL" });
}
