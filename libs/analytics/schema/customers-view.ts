import type { Migration } from './migration.js';

/**
 * The view `customers` as `customersView` (libs/analytics/clickhouse) generates it; a spec compares the two. When the fields' SQL changes, the
 * new text is a new migration.
 */
export const customersViewMigration: Migration = {
  version: 3,
  name: 'customers',
  statements: [
    `CREATE OR REPLACE VIEW customers
(
  \`client_id\` LowCardinality(String) COMMENT 'The client (merchant)',
  \`customer_id\` String COMMENT 'The customer',
  \`orders_count\` UInt64 COMMENT 'Orders that count: distinct order ids of Order Completed, the first recorded of each',
  \`orders_total\` Decimal(18, 4) COMMENT 'Worth of these orders less refunds, in the currency of the client; what does not fit is shown as the largest amount that does',
  \`orders_first\` Nullable(DateTime64(3, 'UTC')) COMMENT 'Time of the earliest order that counts, in UTC; NULL when there is none',
  \`orders_last\` Nullable(DateTime64(3, 'UTC')) COMMENT 'Time of the latest order that counts, in UTC; NULL when there is none',
  \`visits_count\` UInt64 COMMENT 'Visits: distinct session ids, and without one the days in the time zone of the client',
  \`visits_first\` Nullable(DateTime64(3, 'UTC')) COMMENT 'Time of the first event of all visits, in UTC; NULL when there is none',
  \`visits_last\` Nullable(DateTime64(3, 'UTC')) COMMENT 'Time of the last event of all visits, in UTC; NULL when there is none',
  \`views_count\` UInt64 COMMENT 'Number of Product Viewed',
  \`cart_adds\` UInt64 COMMENT 'Number of Product Added',
  \`cart_removes\` UInt64 COMMENT 'Number of Product Removed',
  \`cart_abandons\` UInt64 COMMENT 'Visits with a Product Added and no Order Completed whose last event is more than 12 hours ago',
  \`arrival_source\` String COMMENT 'How the customer came first: utm_source, else the host of the referrer, else direct; unknown when no event tells',
  \`arrival_campaign\` Nullable(String) COMMENT 'utm_campaign of that arrival; NULL when there is none',
  \`coupons_used\` UInt64 COMMENT 'Orders that count with a coupon',
  \`email_known\` Bool COMMENT 'Whether an e-mail address was ever given',
  \`content_served\` UInt64 COMMENT 'Answers given to the customer: those recorded, scaled back by their sample rates',
  \`content_clicked\` UInt64 COMMENT 'Number of clicks',
  \`currency\` LowCardinality(String) COMMENT 'ISO 4217 code of orders_total',
  \`attributes\` Map(String, String) COMMENT 'The latest value of each attribute by time; what is no text as JSON; null ones are left out'
)
AS SELECT
  f.\`client_id\` AS \`client_id\`,
  f.\`customer_id\` AS \`customer_id\`,
  CAST(f.f0 AS UInt64) AS \`orders_count\`,
  CAST(least(greatest(f.f1, toDecimal128('-99999999999999.9999', 4)), toDecimal128('99999999999999.9999', 4)) AS Decimal(18, 4)) AS \`orders_total\`,
  CAST(f.f2 AS Nullable(DateTime64(3, 'UTC'))) AS \`orders_first\`,
  CAST(f.f3 AS Nullable(DateTime64(3, 'UTC'))) AS \`orders_last\`,
  CAST(f.f4 AS UInt64) AS \`visits_count\`,
  CAST(f.f5 AS Nullable(DateTime64(3, 'UTC'))) AS \`visits_first\`,
  CAST(f.f6 AS Nullable(DateTime64(3, 'UTC'))) AS \`visits_last\`,
  CAST(f.f7 AS UInt64) AS \`views_count\`,
  CAST(f.f8 AS UInt64) AS \`cart_adds\`,
  CAST(f.f9 AS UInt64) AS \`cart_removes\`,
  CAST(f.f10 AS UInt64) AS \`cart_abandons\`,
  CAST(f.f11 AS String) AS \`arrival_source\`,
  CAST(f.f12 AS Nullable(String)) AS \`arrival_campaign\`,
  CAST(f.f13 AS UInt64) AS \`coupons_used\`,
  CAST(f.f14 AS Bool) AS \`email_known\`,
  CAST(f.f15 AS UInt64) AS \`content_served\`,
  CAST(f.f16 AS UInt64) AS \`content_clicked\`,
  CAST((SELECT mapFromArrays(groupArray(toString(c.client_id)), groupArray(c.currency)) FROM clients AS c)[f.client_id] AS LowCardinality(String)) AS \`currency\`,
  CAST(f.attributes AS Map(String, String)) AS \`attributes\`
FROM
(
SELECT client_id, customer_hash, customer_id,
  m0 AS known,
  m1 AS f0,
  m2 AS f1,
  m3 AS f2,
  m4 AS f3,
  m5 AS f4,
  m6 AS f5,
  m7 AS f6,
  m8 AS f7,
  m9 AS f8,
  m10 AS f9,
  m11 AS f10,
  if(m12.1 = '', 'unknown', m12.1) AS f11,
  nullIf(m12.2, '') AS f12,
  m13 AS f13,
  m14 > 0 AS f14,
  m15 AS f15,
  m16 AS f16,
  m17 AS attributes
FROM
(
SELECT client_id, customer_hash, customer_id,
  sum(b.m0_0) AS m0,
  sum(b.m1_0) AS m1,
  sum(b.m2_0) AS m2,
  fromUnixTimestamp64Milli(min(b.m3_0), 'UTC') AS m3,
  fromUnixTimestamp64Milli(max(b.m4_0), 'UTC') AS m4,
  sum(b.m5_0) AS m5,
  fromUnixTimestamp64Milli(min(b.m6_0), 'UTC') AS m6,
  fromUnixTimestamp64Milli(max(b.m7_0), 'UTC') AS m7,
  sum(b.m8_0) AS m8,
  sum(b.m9_0) AS m9,
  sum(b.m10_0) AS m10,
  sum(b.m11_0) AS m11,
  (max(b.m12_0), max(b.m12_1)) AS m12,
  sum(b.m13_0) AS m13,
  sum(b.m14_0) AS m14,
  sum(b.m15_0) AS m15,
  sum(b.m16_0) AS m16,
  argMax(b.m17_0, length(b.m17_0)) AS m17
FROM
(
SELECT f.client_id AS client_id,
  f.customer_hash AS customer_hash,
  f.customer_id AS customer_id,
  countIf(1) AS m0_0,
  toUInt64(0) AS m1_0,
  toDecimal128(0, 4) AS m2_0,
  CAST(NULL, 'Nullable(Int64)') AS m3_0,
  CAST(NULL, 'Nullable(Int64)') AS m4_0,
  toUInt64(0) AS m5_0,
  CAST(if(countIf(f.type NOT IN ('Order Refunded', 'Customer Updated')) = 0, NULL, minIf(toUnixTimestamp64Milli(f.time), f.type NOT IN ('Order Refunded', 'Customer Updated'))), 'Nullable(Int64)') AS m6_0,
  CAST(if(countIf(f.type NOT IN ('Order Refunded', 'Customer Updated')) = 0, NULL, maxIf(toUnixTimestamp64Milli(f.time), f.type NOT IN ('Order Refunded', 'Customer Updated'))), 'Nullable(Int64)') AS m7_0,
  countIf(f.type = 'Product Viewed') AS m8_0,
  countIf(f.type = 'Product Added') AS m9_0,
  countIf(f.type = 'Product Removed') AS m10_0,
  toUInt64(0) AS m11_0,
  argMinIf(multiIf(f.utm_source != '', toString(f.utm_source), f.referrer_host != '' AND f.referrer_host != f.page_host AND NOT has((SELECT mapFromArrays(groupArray(toString(c.client_id)), groupArray(c.origin_hosts)) FROM clients AS c)[f.client_id], toString(f.referrer_host)), toString(f.referrer_host), f.url != '', 'direct', ''), toInt128(toUnixTimestamp64Milli(f.time)) * toInt128('18446744073709551616') + f.log_position, multiIf(f.utm_source != '', toString(f.utm_source), f.referrer_host != '' AND f.referrer_host != f.page_host AND NOT has((SELECT mapFromArrays(groupArray(toString(c.client_id)), groupArray(c.origin_hosts)) FROM clients AS c)[f.client_id], toString(f.referrer_host)), toString(f.referrer_host), f.url != '', 'direct', '') != '') AS m12_0,
  argMinIf(if(f.utm_source != '', toString(f.utm_campaign), ''), toInt128(toUnixTimestamp64Milli(f.time)) * toInt128('18446744073709551616') + f.log_position, multiIf(f.utm_source != '', toString(f.utm_source), f.referrer_host != '' AND f.referrer_host != f.page_host AND NOT has((SELECT mapFromArrays(groupArray(toString(c.client_id)), groupArray(c.origin_hosts)) FROM clients AS c)[f.client_id], toString(f.referrer_host)), toString(f.referrer_host), f.url != '', 'direct', '') != '') AS m12_1,
  toUInt64(0) AS m13_0,
  countIf(f.email_given) AS m14_0,
  toUInt64(0) AS m15_0,
  countIf(f.type = 'Content Clicked') AS m16_0,
  CAST(map(), 'Map(String, String)') AS m17_0,
  0 AS listed
FROM behaviour_facts AS f FINAL
WHERE f.time <= now64(3, 'UTC')
GROUP BY f.client_id, f.customer_hash, f.customer_id
UNION ALL
SELECT v.client_id AS client_id,
  v.customer_hash AS customer_hash,
  v.customer_id AS customer_id,
  toUInt64(0) AS m0_0,
  toUInt64(0) AS m1_0,
  toDecimal128(0, 4) AS m2_0,
  CAST(NULL, 'Nullable(Int64)') AS m3_0,
  CAST(NULL, 'Nullable(Int64)') AS m4_0,
  countIf(v.m5_visit0 > 0) AS m5_0,
  CAST(NULL, 'Nullable(Int64)') AS m6_0,
  CAST(NULL, 'Nullable(Int64)') AS m7_0,
  toUInt64(0) AS m8_0,
  toUInt64(0) AS m9_0,
  toUInt64(0) AS m10_0,
  countIf(v.m11_visit0 > 0 AND v.m11_visit1 = 0 AND v.m11_visit2 < toUnixTimestamp64Milli(now64(3, 'UTC') - INTERVAL 12 HOUR)) AS m11_0,
  '' AS m12_0,
  '' AS m12_1,
  toUInt64(0) AS m13_0,
  toUInt64(0) AS m14_0,
  toUInt64(0) AS m15_0,
  toUInt64(0) AS m16_0,
  CAST(map(), 'Map(String, String)') AS m17_0,
  0 AS listed
FROM
(
  SELECT f.client_id AS client_id,
    f.customer_hash AS customer_hash,
    f.customer_id AS customer_id,
    countIf(1) AS m5_visit0,
    countIf(f.type = 'Product Added') AS m11_visit0,
    countIf(f.type = 'Order Completed') AS m11_visit1,
    maxIf(toUnixTimestamp64Milli(f.time), 1) AS m11_visit2
  FROM behaviour_facts AS f FINAL
  WHERE f.time <= now64(3, 'UTC') AND f.type NOT IN ('Order Refunded', 'Customer Updated')
  GROUP BY f.client_id, f.customer_hash, f.customer_id, f.session_id, if(f.session_id != '', toInt32(0), toInt32(toDate32(substring(toString(f.time, if(mapContains((SELECT mapFromArrays(groupArray(toString(c.client_id)), groupArray(c.time_zone)) FROM clients AS c), f.client_id), (SELECT mapFromArrays(groupArray(toString(c.client_id)), groupArray(c.time_zone)) FROM clients AS c)[f.client_id], 'UTC')), 1, 10))))
) AS v
GROUP BY v.client_id, v.customer_hash, v.customer_id
UNION ALL
SELECT o.client_id AS client_id,
  o.customer_hash AS customer_hash,
  o.customer_id AS customer_id,
  toUInt64(0) AS m0_0,
  countIf(o.type = 'Order Completed') AS m1_0,
  sumIf(if(o.type = 'Order Completed', o.amount, -o.amount), 1) AS m2_0,
  CAST(if(countIf(o.type = 'Order Completed') = 0, NULL, minIf(toUnixTimestamp64Milli(o.time), o.type = 'Order Completed')), 'Nullable(Int64)') AS m3_0,
  CAST(if(countIf(o.type = 'Order Completed') = 0, NULL, maxIf(toUnixTimestamp64Milli(o.time), o.type = 'Order Completed')), 'Nullable(Int64)') AS m4_0,
  toUInt64(0) AS m5_0,
  CAST(NULL, 'Nullable(Int64)') AS m6_0,
  CAST(NULL, 'Nullable(Int64)') AS m7_0,
  toUInt64(0) AS m8_0,
  toUInt64(0) AS m9_0,
  toUInt64(0) AS m10_0,
  toUInt64(0) AS m11_0,
  '' AS m12_0,
  '' AS m12_1,
  countIf(o.type = 'Order Completed' AND o.coupon != '') AS m13_0,
  toUInt64(0) AS m14_0,
  toUInt64(0) AS m15_0,
  toUInt64(0) AS m16_0,
  CAST(map(), 'Map(String, String)') AS m17_0,
  0 AS listed
FROM
(
  SELECT r.client_id AS client_id, r.customer_hash AS customer_hash, r.customer_id AS customer_id, r.type AS type,
    argMin(r.time, r.log_position) AS time, argMin(r.amount, r.log_position) AS amount, argMin(r.coupon, r.log_position) AS coupon
  FROM order_facts AS r FINAL
  
  GROUP BY r.client_id, r.customer_hash, r.customer_id, r.type, r.order_id, if(r.order_id = '' OR r.type = 'Order Refunded', r.log_position, 0)
) AS o
WHERE o.time <= now64(3, 'UTC')
GROUP BY o.client_id, o.customer_hash, o.customer_id
UNION ALL
SELECT s.client_id AS client_id,
  s.customer_hash AS customer_hash,
  s.customer_id AS customer_id,
  toUInt64(0) AS m0_0,
  toUInt64(0) AS m1_0,
  toDecimal128(0, 4) AS m2_0,
  CAST(NULL, 'Nullable(Int64)') AS m3_0,
  CAST(NULL, 'Nullable(Int64)') AS m4_0,
  toUInt64(0) AS m5_0,
  CAST(NULL, 'Nullable(Int64)') AS m6_0,
  CAST(NULL, 'Nullable(Int64)') AS m7_0,
  toUInt64(0) AS m8_0,
  toUInt64(0) AS m9_0,
  toUInt64(0) AS m10_0,
  toUInt64(0) AS m11_0,
  '' AS m12_0,
  '' AS m12_1,
  toUInt64(0) AS m13_0,
  toUInt64(0) AS m14_0,
  toUInt64(floor(arraySum(r -> r.2 / r.1, arraySort(r -> r.1, arrayZip(arrayDistinct(groupArrayIf(s.sample_rate, 1)), arrayMap(rate -> countEqual(groupArrayIf(s.sample_rate, 1), rate), arrayDistinct(groupArrayIf(s.sample_rate, 1)))))) + 0.5)) AS m15_0,
  toUInt64(0) AS m16_0,
  CAST(map(), 'Map(String, String)') AS m17_0,
  0 AS listed
FROM served_facts AS s FINAL
WHERE s.time <= now64(3, 'UTC')
GROUP BY s.client_id, s.customer_hash, s.customer_id
UNION ALL
SELECT a.client_id AS client_id,
  a.customer_hash AS customer_hash,
  a.customer_id AS customer_id,
  toUInt64(0) AS m0_0,
  toUInt64(0) AS m1_0,
  toDecimal128(0, 4) AS m2_0,
  CAST(NULL, 'Nullable(Int64)') AS m3_0,
  CAST(NULL, 'Nullable(Int64)') AS m4_0,
  toUInt64(0) AS m5_0,
  CAST(NULL, 'Nullable(Int64)') AS m6_0,
  CAST(NULL, 'Nullable(Int64)') AS m7_0,
  toUInt64(0) AS m8_0,
  toUInt64(0) AS m9_0,
  toUInt64(0) AS m10_0,
  toUInt64(0) AS m11_0,
  '' AS m12_0,
  '' AS m12_1,
  toUInt64(0) AS m13_0,
  toUInt64(0) AS m14_0,
  toUInt64(0) AS m15_0,
  toUInt64(0) AS m16_0,
  CAST((groupArrayIf(a.name, a.json != 'null'), groupArrayIf(ifNull(multiIf(a.json IN ('', 'null'), NULL, startsWith(a.json, '"'), JSONExtractString(a.json), a.json), ''), a.json != 'null')), 'Map(String, String)') AS m17_0,
  0 AS listed
FROM
(
  SELECT f.client_id AS client_id, f.customer_hash AS customer_hash, f.customer_id AS customer_id, attribute.1 AS name, argMax(attribute.2, (f.time, f.log_position)) AS json
  FROM behaviour_facts AS f FINAL
  ARRAY JOIN arrayZip(mapKeys(f.attributes), mapValues(f.attributes)) AS attribute
  WHERE f.type = 'Customer Updated' AND f.time <= now64(3, 'UTC')
  GROUP BY f.client_id, f.customer_hash, f.customer_id, attribute.1
) AS a
GROUP BY a.client_id, a.customer_hash, a.customer_id
) AS b
GROUP BY client_id, customer_hash, customer_id
HAVING m0 > 0
)
) AS f
COMMENT 'One row per client and customer known by behaviour, imports or clicks: the customer fields, as of now'`,
  ],
};
