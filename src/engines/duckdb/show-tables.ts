/** @file SHOW TABLES with the names of views, of which DuckDB knows nothing: they are plans of this process. */

import { quoteText } from "./quote.js";

/** What holds no statement, and SHOW TABLES as the whole text or in brackets. */
const tokens = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*.*?\*\/|^\s*SHOW\s+TABLES\s*$|\(\s*SHOW\s+TABLES\s*\)/gis;

/** The text, in which SHOW TABLES is a query. */
export function showingViews(text: string, views: Iterable<string>): string {
  const isShow = /^[\s(]*SHOW\s/i;
  return text.replace(tokens, (token) => {
    if (!isShow.test(token)) return token;
    const names = [...views].map(quoteText).join(", ");
    const query = `SELECT name FROM (SHOW TABLES) UNION SELECT unnest([${names}]::VARCHAR[]) ORDER BY name`;
    return token.includes("(") ? `(${query})` : query;
  });
}
