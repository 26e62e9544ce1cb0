import type { QueryName } from "./rows.ts";

/*
 * Queries 0 to 22 in the SQL of DuckDB, with the semantics of nexmark-flink's. Tables are `person`, `auction`
 * and `bid`, with times as milliseconds, and `side_input`; a bid has its `processingTime` beside. No two bids
 * have one event time, so `dateTime` settles what of equal things came first. Queries that update give their
 * final rows.
 */

const bidFields = "auction, bidder, price, dateTime, extra";
const euroCents = "CAST(price * 908 AS DOUBLE) / 1000";
const day = "strftime(epoch_ms(dateTime), '%Y-%m-%d')";
const minute = "strftime(epoch_ms(dateTime), '%H:%M')";
const hour = "hour(epoch_ms(dateTime))";

/** The bids that count for an auction: made from its opening to its expiry, both included. */
const validBids = `auction A JOIN bid B ON A.id = B.auction AND B.dateTime BETWEEN A.dateTime AND A.expires`;

/** Windows of `sizeMs` begin at its multiples. */
function windowStart(time: string, sizeMs: number): string {
  return `(${time} // ${sizeMs} * ${sizeMs})`;
}

const ranks = [
  ["total", "TRUE"],
  ["rank1", "price < 10000"],
  ["rank2", "price >= 10000 AND price < 1000000"],
  ["rank3", "price >= 1000000"],
] as const;

/** The same aggregate over all bids and over those of each rank. */
function byRank(aggregate: string, suffix: string): string {
  return ranks
    .map(([rank, condition]) => `${aggregate} FILTER (WHERE ${condition}) AS ${rank}${suffix}`)
    .join(", ");
}

const bidCounts = byRank("count(*)", "Bids");
const bidStatistics = [
  bidCounts,
  byRank("count(DISTINCT bidder)", "Bidders"),
  byRank("count(DISTINCT auction)", "Auctions"),
].join(", ");

/** What a query is. */
export interface QuerySource {
  readonly title: string;
  readonly sql: string;
}

/** All queries by their names. */
export const queries: Readonly<Record<QueryName, QuerySource>> = {
  q0: { title: "pass through", sql: `SELECT ${bidFields} FROM bid` },
  q1: {
    title: "currency conversion",
    sql: `SELECT auction, bidder, ${euroCents} AS price, dateTime, extra FROM bid`,
  },
  q2: { title: "selection", sql: "SELECT auction, price FROM bid WHERE auction % 123 = 0" },
  /** Whoever comes later, the person or the auction, completes the row: it is never taken back. */
  q3: {
    title: "local item suggestion",
    sql: `SELECT P.name, P.city, P.state, A.id FROM auction A JOIN person P ON A.seller = P.id
          WHERE A.category = 10 AND P.state IN ('OR', 'ID', 'CA')`,
  },
  /** Updates whenever the highest bid of an auction does. The end of the input closes all auctions. */
  q4: {
    title: "average price for a category",
    sql: `SELECT category AS id, CAST(sum(final) AS BIGINT) // count(*) AS final
          FROM (SELECT max(B.price) AS final, A.category FROM ${validBids} GROUP BY A.id, A.category)
          GROUP BY category`,
  },
  /** A window for each multiple of 2 s that has a bid in the 10 s from there on, also before the first. */
  q5: {
    title: "hot items",
    sql: `WITH counts AS (
            SELECT auction, start, count(*) AS num
            FROM (SELECT auction, unnest(range(last - 8000, last + 1, 2000)) AS start
                  FROM (SELECT auction, ${windowStart("dateTime", 2_000)} AS last FROM bid))
            GROUP BY auction, start)
          SELECT auction, num FROM counts
          JOIN (SELECT start, max(num) AS maxn FROM counts GROUP BY start) USING (start)
          WHERE num >= maxn`,
  },
  /**
   * The published text says "the last ten closed auctions", its SQL (which Flink refuses) takes eleven in the
   * order of their winning bids. Here: ten with this one, in the order of closing, which is `expires`, then
   * `id`. A row when an auction with a valid bid closes, so nothing is updated.
   */
  q6: {
    title: "average selling price by seller",
    sql: `WITH winning AS (
            SELECT A.id, A.seller, A.expires, max(B.price) AS price FROM ${validBids}
            GROUP BY A.id, A.seller, A.expires)
          SELECT seller, CAST(sum(price) OVER last_ten AS BIGINT) // count(*) OVER last_ten AS avgPrice
          FROM winning
          WINDOW last_ten AS (PARTITION BY seller ORDER BY expires, id
                              ROWS BETWEEN 9 PRECEDING AND CURRENT ROW)`,
  },
  /**
   * Published with BETWEEN, so that a bid at the very end of a window with the price of that window's highest
   * counts too; none does in the events that jobs are compared over, as the test shows. The published SELECT
   * also swaps bidder and price against the columns of its sink; names decide here.
   */
  q7: {
    title: "highest bid",
    sql: `SELECT ${bidFields} FROM bid
          JOIN (SELECT max(price) AS maxPrice, start + 10000 AS windowEnd
                FROM (SELECT price, ${windowStart("dateTime", 10_000)} AS start FROM bid)
                GROUP BY start) ON price = maxPrice
          WHERE dateTime BETWEEN windowEnd - 10000 AND windowEnd`,
  },
  q8: {
    title: "monitor new users",
    sql: `SELECT P.id, P.name, P.start AS startTime
          FROM (SELECT DISTINCT id, name, ${windowStart("dateTime", 10_000)} AS start FROM person) P
          JOIN (SELECT DISTINCT seller, ${windowStart("dateTime", 10_000)} AS start FROM auction) A
          ON P.id = A.seller AND P.start = A.start`,
  },
  /**
   * Of equal prices the earlier bid wins. The SQL updates while an auction is open; a job emits the winner
   * once it has closed, so that a row that comes twice shows.
   */
  q9: {
    title: "winning bids",
    sql: `SELECT id, itemName, description, initialBid, reserve, dateTime, expires, seller, category,
                 extra, auction, bidder, price, bidDateTime, bidExtra
          FROM (SELECT A.*, B.auction, B.bidder, B.price, B.dateTime AS bidDateTime,
                       B.extra AS bidExtra,
                       row_number() OVER (PARTITION BY A.id ORDER BY B.price DESC, B.dateTime) AS place
                FROM ${validBids})
          WHERE place = 1`,
  },
  /** A row a bid, to be written to a file of its day and minute. */
  q10: {
    title: "log to file system",
    sql: `SELECT ${bidFields}, ${day} AS dt, ${minute} AS hm FROM bid`,
  },
  /** A session goes on over a gap of exactly 10 s, as Flink merges windows that touch. */
  q11: {
    title: "user sessions",
    sql: `SELECT bidder, count(*) AS bidCount, min(dateTime) AS startTime,
                 max(dateTime) + 10000 AS endTime
          FROM (SELECT bidder, dateTime, count(*) FILTER (WHERE isFirst) OVER so_far AS session
                FROM (SELECT bidder, dateTime,
                             coalesce(dateTime - lag(dateTime) OVER so_far > 10000, TRUE) AS isFirst
                      FROM bid WINDOW so_far AS (PARTITION BY bidder ORDER BY dateTime))
                WINDOW so_far AS (PARTITION BY bidder ORDER BY dateTime))
          GROUP BY bidder, session`,
  },
  /** By the time at which the bid is processed, on a clock that who compares has to know. */
  q12: {
    title: "processing time windows",
    sql: `SELECT bidder, count(*) AS bidCount, start AS startTime, start + 10000 AS endTime
          FROM (SELECT bidder, ${windowStart("processingTime", 10_000)} AS start FROM bid)
          GROUP BY bidder, start`,
  },
  q13: {
    title: "bounded side input join",
    sql: `SELECT auction, bidder, price, dateTime, value FROM bid
          JOIN side_input ON auction % 10000 = key`,
  },
  q14: {
    title: "calculation",
    sql: `SELECT auction, bidder, ${euroCents} AS price,
                 CASE WHEN ${hour} >= 8 AND ${hour} <= 18 THEN 'dayTime'
                      WHEN ${hour} <= 6 OR ${hour} >= 20 THEN 'nightTime'
                      ELSE 'otherTime' END AS bidTimeType,
                 dateTime, extra, length(extra) - length(replace(extra, 'c', '')) AS cCounts
          FROM bid WHERE price * 908 > 1000000000 AND price * 908 < 50000000000`,
  },
  q15: {
    title: "bidding statistics report",
    sql: `SELECT ${day} AS day, ${bidStatistics} FROM bid GROUP BY ${day}`,
  },
  q16: {
    title: "channel statistics report",
    sql: `SELECT channel, ${day} AS day, max(${minute}) AS minute, ${bidStatistics}
          FROM bid GROUP BY channel, ${day}`,
  },
  q17: {
    title: "auction statistics report",
    sql: `SELECT auction, ${day} AS day, ${bidCounts}, min(price) AS minPrice, max(price) AS maxPrice,
                 CAST(sum(price) AS BIGINT) // count(*) AS avgPrice, CAST(sum(price) AS BIGINT) AS sumPrice
          FROM bid GROUP BY auction, ${day}`,
  },
  q18: {
    title: "find last bid",
    sql: `SELECT auction, bidder, price, channel, url, dateTime, extra
          FROM (SELECT *, row_number() OVER (PARTITION BY bidder, auction ORDER BY dateTime DESC) AS place
                FROM bid)
          WHERE place = 1`,
  },
  /** Flink leaves the order of equal prices open; here the earlier bid comes first. */
  q19: {
    title: "auction top-10 price",
    sql: `SELECT auction, bidder, price, channel, url, dateTime, extra, rankNumber
          FROM (SELECT *, row_number() OVER (PARTITION BY auction ORDER BY price DESC, dateTime) AS rankNumber
                FROM bid)
          WHERE rankNumber <= 10`,
  },
  /** Whenever the bid was made, also behind the auction's expiry. */
  q20: {
    title: "expand bid with auction",
    sql: `SELECT B.auction, B.bidder, B.price, B.channel, B.url, B.dateTime AS bidDateTime,
                 B.extra AS bidExtra, A.itemName, A.description, A.initialBid, A.reserve,
                 A.dateTime AS auctionDateTime, A.expires, A.seller, A.category, A.extra AS auctionExtra
          FROM bid B JOIN auction A ON B.auction = A.id WHERE A.category = 10`,
  },
  q21: {
    title: "add channel id",
    sql: `SELECT auction, bidder, price, channel,
                 CASE lower(channel) WHEN 'apple' THEN '0' WHEN 'google' THEN '1'
                      WHEN 'facebook' THEN '2' WHEN 'baidu' THEN '3'
                      ELSE regexp_extract(url, '(&|^)channel_id=([^&]*)', 2) END AS channelId
          FROM bid
          WHERE regexp_matches(url, '(&|^)channel_id=([^&]*)')
             OR lower(channel) IN ('apple', 'google', 'facebook', 'baidu')`,
  },
  q22: {
    title: "get url directories",
    sql: `SELECT auction, bidder, price, channel, split_part(url, '/', 4) AS dir1,
                 split_part(url, '/', 5) AS dir2, split_part(url, '/', 6) AS dir3 FROM bid`,
  },
};
