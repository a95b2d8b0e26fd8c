import { describe, expect, test } from "vitest";
import { parseConnection } from "./connection.js";

describe("a connection URL", () => {
  test("is read as Spark's own clients read it", () => {
    const id = "0f0e0d0c-0b0a-4908-8706-050403020100";
    const url = `sc://spark.example:443/;use_ssl=true;token=a%3Db;user_id=ada;session_id=${id};user_agent=nightly;x-org=7`;
    expect(parseConnection(url)).toMatchObject({
      address: "spark.example:443",
      isSecure: true,
      token: "a=b",
      userId: "ada",
      sessionId: id,
      headers: { "x-org": "7" },
      keepAlive: 60_000,
    });
    expect(parseConnection(url).userAgent).toMatch(/^nightly deepframe\/\S+ node\/\d/);
  });

  test("has defaults", () => {
    const found = parseConnection("sc://localhost");
    expect(found).toMatchObject({ address: "localhost:15002", isSecure: false, token: undefined, headers: {} });
    expect(found.sessionId).not.toBe(parseConnection("sc://localhost").sessionId);
    expect(parseConnection("sc://[::1]:7/").address).toBe("[::1]:7");
  });

  test("with a token is secure, but on this machine", () => {
    expect(parseConnection("sc://spark.example/;token=t").isSecure).toBe(true);
    expect(parseConnection("sc://localhost/;token=t").isSecure).toBe(false);
  });

  test.each([
    ["sc://", "the host is missing, as in sc://localhost:15002"],
    ["sc://host:99999", "the port must be 1 to 65535, got 99999"],
    ["sc://host/path", 'there must be no path, got "/path"; parameters begin with "/;"'],
    ["sc://host/;user_id", 'parameter "user_id" must be written as key=value'],
    ["sc://host/;session_id=7", 'session_id must be a UUID, got "7"'],
    ["sc://host/;grpc_keepalive_time_ms=x", "keep-alive times must be numbers above 0"],
  ])("%s is refused", (url, reason) => {
    expect(() => parseConnection(url)).toThrow(`Session.open: cannot read ${JSON.stringify(url)}: ${reason}`);
  });

  test("is not repeated with its token", () => {
    expect(() => parseConnection("sc://host/x;token=secret")).toThrow('"sc://host/x;token=…"');
  });
});
