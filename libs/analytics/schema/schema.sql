-- What a migrated database says of itself. Made by libs/analytics/schema/schema.spec.ts; not read by the program.

CREATE TABLE vitrine.answered
(
    `client_id` LowCardinality(String) COMMENT 'The client (merchant)',
    `log_position` UInt64 COMMENT 'Place of the recorded answer in the event log' CODEC(Delta(8), ZSTD(1)),
    `customer_id` String COMMENT 'The customer who was answered' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (client_id, log_position)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192
COMMENT 'Customers whom recorded answers concern, in the order of the log: whom to judge again where answers count';

CREATE TABLE vitrine.behaviour_facts
(
    `client_id` LowCardinality(String) COMMENT 'The client (merchant) whose pages or records these are',
    `customer_id` String COMMENT 'The customer, as the page, the import or the cookie names them' CODEC(ZSTD(1)),
    `customer_hash` UInt64 DEFAULT xxHash64(customer_id) COMMENT 'xxHash64 of customer_id: the order of the table within a client, and the key of audiences',
    `session_id` String COMMENT 'The visit as the tag or the import names it; empty when there was none' CODEC(ZSTD(1)),
    `time` DateTime64(3, 'UTC') COMMENT 'When it happened, in UTC' CODEC(Delta(8), ZSTD(1)),
    `log_position` UInt64 COMMENT 'Place of the event in the event log' CODEC(Delta(8), ZSTD(1)),
    `event_id` UUID COMMENT 'Id of the event in the event log',
    `type` LowCardinality(String) COMMENT 'What the customer did, as POST /e names it, such as Product Viewed',
    `message_id` String COMMENT 'The sender\'s own id of the message' CODEC(ZSTD(1)),
    `product_id` String COMMENT 'Product that is concerned; empty when none is' CODEC(ZSTD(1)),
    `url` String COMMENT 'Address of the page; empty when unknown' CODEC(ZSTD(1)),
    `referrer` String COMMENT 'Address of the page before; empty when unknown' CODEC(ZSTD(1)),
    `page_host` LowCardinality(String) COMMENT 'Host of url in lower case without www. and port; empty when unknown',
    `referrer_host` LowCardinality(String) COMMENT 'Host of referrer in lower case without www. and port; empty when unknown',
    `utm_source` LowCardinality(String) COMMENT 'utm_source of url; empty when it has none',
    `utm_campaign` LowCardinality(String) COMMENT 'utm_campaign of url; empty when it has none',
    `email_given` Bool COMMENT 'Whether an e-mail address came with it (the address itself is not in the tables)',
    `campaign_id` LowCardinality(String) COMMENT 'Campaign; empty when none is concerned',
    `placement_id` LowCardinality(String) COMMENT 'Place on the page; empty when none was named',
    `content_id` LowCardinality(String) COMMENT 'Content that was chosen; empty when nothing was shown',
    `segment_id` LowCardinality(String) COMMENT 'Segment of the rule that matched; empty when the rule is for everyone or none matched',
    `rule_id` LowCardinality(String) COMMENT 'Rule that matched; empty when none did',
    `group` LowCardinality(String) COMMENT 'Control or test group that was drawn; empty when the rule has no groups',
    `decision_id` String COMMENT 'Id of the answer (content query) that is concerned; empty when none is' CODEC(ZSTD(1)),
    `via` LowCardinality(String) COMMENT 'Of a click that a node saw: address (a click address) or form (the click form); else empty',
    `import_id` String COMMENT 'The import that brought it; empty when it came from a page or a server' CODEC(ZSTD(1)),
    `attributes` Map(String, String) COMMENT 'Of Customer Updated: attribute name to its value as JSON text' CODEC(ZSTD(1)),
    `properties` String COMMENT 'All properties as sent, as JSON text; an e-mail address is sealed' CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree
PRIMARY KEY (client_id, customer_hash, customer_id)
ORDER BY (client_id, customer_hash, customer_id, time, log_position)
SETTINGS index_granularity = 2048, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'What customers did, one row per event of the log that counts; read the view behaviour';

CREATE TABLE vitrine.checkpoints
(
    `name` LowCardinality(String) COMMENT 'What has been read: tables',
    `log_position` UInt64 COMMENT 'Everything in the event log up to here is in the tables'
)
ENGINE = ReplacingMergeTree(log_position)
ORDER BY name
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192
COMMENT 'How far the event log has been read into the tables';

CREATE TABLE vitrine.client_facts
(
    `client_id` LowCardinality(String) COMMENT 'The client (merchant)',
    `log_position` UInt64 COMMENT 'Place of the event in the event log',
    `event_id` UUID COMMENT 'Id of the event in the event log',
    `name` Nullable(String) COMMENT 'Name, when the event says one',
    `time_zone` Nullable(String) COMMENT 'IANA time zone, when the event says one',
    `currency` Nullable(String) COMMENT 'ISO 4217 code, when the event says one',
    `origins` Array(String) COMMENT 'Origins of the client, when the event says them',
    `origin_hosts` Array(String) COMMENT 'Hosts of the origins in lower case without www. and port',
    `origins_given` Bool COMMENT 'Whether the event says the origins'
)
ENGINE = ReplacingMergeTree
ORDER BY (client_id, log_position)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192
COMMENT 'Registrations and revisions of clients; read the view clients';

CREATE TABLE vitrine.customer_state_marks
(
    `client_id` LowCardinality(String) COMMENT 'The client (merchant)',
    `log_position` UInt64 COMMENT 'customer_states has everything of this client up to here; whom later events touched is in the table touched',
    `basis` LowCardinality(String) COMMENT 'The basis of all rows of this client in customer_states',
    `last_time` DateTime64(3, 'UTC') COMMENT 'No row of this client has a later last_time'
)
ENGINE = ReplacingMergeTree(log_position)
ORDER BY client_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192
COMMENT 'How far customer_states has been brought, by client';

CREATE TABLE vitrine.customer_states
(
    `client_id` LowCardinality(String) COMMENT 'The client (merchant)',
    `customer_hash` UInt64 COMMENT 'xxHash64 of customer_id: the order of the table within a client, and the key of audiences',
    `customer_id` String COMMENT 'The customer' CODEC(ZSTD(1)),
    `log_position` UInt64 COMMENT 'All facts up to here are in the row; of several rows of a customer the one with the largest counts' CODEC(Delta(8), ZSTD(1)),
    `basis` LowCardinality(String) COMMENT 'Which time zone and origins of the client, and which version of this table, the row was made by',
    `last_time` DateTime64(3, 'UTC') COMMENT 'Latest time of any event or recorded answer of the customer: of no earlier moment the row tells' CODEC(ZSTD(1)),
    `events` UInt64 COMMENT 'Number of events' CODEC(ZSTD(1)),
    `events_first` Nullable(DateTime64(3, 'UTC')) COMMENT 'Time of the first event' CODEC(ZSTD(1)),
    `visits` UInt64 COMMENT 'Number of visits' CODEC(ZSTD(1)),
    `visits_first` Nullable(DateTime64(3, 'UTC')) COMMENT 'Time of the first event of all visits; NULL when there is none' CODEC(ZSTD(1)),
    `visits_last` Nullable(DateTime64(3, 'UTC')) COMMENT 'Time of the last event of all visits; NULL when there is none' CODEC(ZSTD(1)),
    `visit_lasts` Array(Int64) COMMENT 'Of each visit the time of its last event, in milliseconds since 1970' CODEC(Delta(8), ZSTD(1)),
    `cart_lasts` Array(Int64) COMMENT 'Of each visit with a Product Added the time of its last event, in milliseconds since 1970' CODEC(Delta(8), ZSTD(1)),
    `cart_last_adds` Array(Int64) COMMENT 'Of the same visits the time of the last Product Added' CODEC(Delta(8), ZSTD(1)),
    `cart_last_orders` Array(Int64) COMMENT 'Of the same visits the time of the last Order Completed; the smallest number when there is none' CODEC(Delta(8), ZSTD(1)),
    `views` UInt64 COMMENT 'Number of Product Viewed' CODEC(ZSTD(1)),
    `view_times` Array(Int64) COMMENT 'Their times, in milliseconds since 1970, rising' CODEC(Delta(8), ZSTD(1)),
    `cart_adds` UInt64 COMMENT 'Number of Product Added' CODEC(ZSTD(1)),
    `cart_add_times` Array(Int64) COMMENT 'Their times, in milliseconds since 1970, rising' CODEC(Delta(8), ZSTD(1)),
    `cart_removes` UInt64 COMMENT 'Number of Product Removed' CODEC(ZSTD(1)),
    `cart_remove_times` Array(Int64) COMMENT 'Their times, in milliseconds since 1970, rising' CODEC(Delta(8), ZSTD(1)),
    `clicks` UInt64 COMMENT 'Number of clicks' CODEC(ZSTD(1)),
    `click_times` Array(Int64) COMMENT 'Their times, in milliseconds since 1970, rising' CODEC(Delta(8), ZSTD(1)),
    `orders` UInt64 COMMENT 'Orders that count' CODEC(ZSTD(1)),
    `orders_first` Nullable(DateTime64(3, 'UTC')) COMMENT 'Time of the earliest order that counts; NULL when there is none' CODEC(ZSTD(1)),
    `orders_last` Nullable(DateTime64(3, 'UTC')) COMMENT 'Time of the latest order that counts; NULL when there is none' CODEC(ZSTD(1)),
    `revenue` Decimal(38, 4) COMMENT 'Worth of the orders that count less refunds' CODEC(ZSTD(1)),
    `order_times` Array(Int64) COMMENT 'Times of the orders that count and of the refunds, in milliseconds since 1970, rising' CODEC(Delta(8), ZSTD(1)),
    `order_amounts` Array(Decimal(18, 4)) COMMENT 'Worth of each of these; of a refund below zero' CODEC(ZSTD(1)),
    `order_kinds` Array(UInt8) COMMENT 'What each of these is: 0 an order, 1 an order with a coupon, 2 a refund' CODEC(ZSTD(1)),
    `email_last` Int64 COMMENT 'When an e-mail address was last given, in milliseconds since 1970; the smallest number when never' CODEC(ZSTD(1)),
    `arrival_source` String COMMENT 'How the customer came first, as the earliest event that tells does; empty when none does' CODEC(ZSTD(1)),
    `arrival_campaign` String COMMENT 'utm_campaign of that arrival; empty when there is none' CODEC(ZSTD(1)),
    `answers` UInt64 COMMENT 'Answers given to the customer: those recorded, scaled back by their sample rates' CODEC(ZSTD(1)),
    `attributes` Map(String, String) COMMENT 'Attribute name to the JSON text of its latest value' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(log_position)
ORDER BY (client_id, customer_hash, customer_id)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'What all events of a customer come to, one row per customer with events, as of the last refresh; read the view customers';

CREATE TABLE vitrine.dead_letters
(
    `log_position` UInt64 COMMENT 'Place of the event in the event log',
    `event_id` UUID COMMENT 'Id of the event in the event log',
    `client_id` LowCardinality(String) COMMENT 'The client (merchant)',
    `stream` String COMMENT 'Stream of the event log in which it stands',
    `type` LowCardinality(String) COMMENT 'Type of the event in the event log',
    `reason` String COMMENT 'Why it is in no table'
)
ENGINE = ReplacingMergeTree
ORDER BY log_position
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192
COMMENT 'Events that could not be read into the tables; they stay in the event log';

CREATE TABLE vitrine.decisions
(
    `decision_id` String COMMENT 'Id of an answer (content query)' CODEC(ZSTD(1)),
    `client_id` LowCardinality(String) COMMENT 'The client (merchant)',
    `log_position` UInt64 COMMENT 'Place of the recorded answer in the event log' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (decision_id, client_id, log_position)
SETTINGS index_granularity = 256, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Where a recorded answer stands in the log';

CREATE TABLE vitrine.due
(
    `client_id` LowCardinality(String) COMMENT 'The client (merchant)',
    `time` DateTime64(3, 'UTC') COMMENT 'When it happens, in UTC: from then on it counts' CODEC(Delta(8), ZSTD(1)),
    `customer_id` String COMMENT 'The customer whom the event concerns' CODEC(ZSTD(1)),
    `log_position` UInt64 COMMENT 'Place of the event in the event log' CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (client_id, time, log_position)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192
COMMENT 'Events that were recorded before their time, by it: whom to judge again when it comes';

CREATE TABLE vitrine.messages
(
    `client_id` LowCardinality(String) COMMENT 'The client (merchant)',
    `key_hash` UInt64 DEFAULT xxHash64(key) COMMENT 'xxHash64 of key: the order of the table within a client',
    `key` String COMMENT 'By what a message is known again: type:message_id, or decision:decision_id of a click' CODEC(ZSTD(1)),
    `log_position` UInt64 COMMENT 'Place in the event log of an event with this key; the smallest is the one that counts' CODEC(ZSTD(1)),
    `import_id` String COMMENT 'The import that brought it; empty when it came from a page or a server' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PRIMARY KEY (client_id, key_hash)
ORDER BY (client_id, key_hash, key, log_position)
SETTINGS index_granularity = 256, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Which messages are in the tables: by this repeats are left out';

CREATE TABLE vitrine.order_facts
(
    `client_id` LowCardinality(String) COMMENT 'The client (merchant) whose pages or records these are',
    `customer_id` String COMMENT 'The customer, as the page, the import or the cookie names them' CODEC(ZSTD(1)),
    `customer_hash` UInt64 DEFAULT xxHash64(customer_id) COMMENT 'xxHash64 of customer_id: the order of the table within a client, and the key of audiences',
    `session_id` String COMMENT 'The visit as the tag or the import names it; empty when there was none' CODEC(ZSTD(1)),
    `time` DateTime64(3, 'UTC') COMMENT 'When it happened, in UTC' CODEC(Delta(8), ZSTD(1)),
    `log_position` UInt64 COMMENT 'Place of the event in the event log' CODEC(Delta(8), ZSTD(1)),
    `event_id` UUID COMMENT 'Id of the event in the event log',
    `type` LowCardinality(String) COMMENT 'Order Completed or Order Refunded',
    `message_id` String COMMENT 'The sender\'s own id of the message' CODEC(ZSTD(1)),
    `order_id` String COMMENT 'The shop\'s id of the order; empty when none was given' CODEC(ZSTD(1)),
    `amount` Decimal(18, 4) COMMENT 'Worth of the order, or size of the refund (never negative); of the total, else of price times quantity of the products',
    `currency` LowCardinality(String) COMMENT 'ISO 4217 code as sent; empty: the currency of the client',
    `coupon` String COMMENT 'Coupon code; empty when none was used' CODEC(ZSTD(1)),
    `items` UInt32 COMMENT 'Number of product lines'
)
ENGINE = ReplacingMergeTree
PRIMARY KEY (client_id, customer_hash, customer_id)
ORDER BY (client_id, customer_hash, customer_id, time, log_position)
SETTINGS index_granularity = 2048, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Completed orders and refunds, repeats of an order id among them; read the view orders';

CREATE TABLE vitrine.order_item_facts
(
    `client_id` LowCardinality(String) COMMENT 'The client (merchant) whose pages or records these are',
    `customer_id` String COMMENT 'The customer, as the page, the import or the cookie names them' CODEC(ZSTD(1)),
    `customer_hash` UInt64 DEFAULT xxHash64(customer_id) COMMENT 'xxHash64 of customer_id: the order of the table within a client, and the key of audiences',
    `session_id` String COMMENT 'The visit as the tag or the import names it; empty when there was none' CODEC(ZSTD(1)),
    `time` DateTime64(3, 'UTC') COMMENT 'When it happened, in UTC' CODEC(Delta(8), ZSTD(1)),
    `log_position` UInt64 COMMENT 'Place of the event in the event log' CODEC(Delta(8), ZSTD(1)),
    `event_id` UUID COMMENT 'Id of the event in the event log',
    `item` UInt32 COMMENT 'Place of the line in its order, from 0',
    `type` LowCardinality(String) COMMENT 'Order Completed or Order Refunded',
    `order_id` String COMMENT 'The shop\'s id of the order; empty when none was given' CODEC(ZSTD(1)),
    `product_id` String COMMENT 'Product; empty when none was given' CODEC(ZSTD(1)),
    `quantity` Decimal(18, 4) COMMENT 'As sent; 1 when none was given',
    `price` Decimal(18, 4) COMMENT 'Of one piece, as sent; 0 when none was given',
    `currency` LowCardinality(String) COMMENT 'ISO 4217 code as sent; empty: the currency of the client',
    `properties` String COMMENT 'The whole line as sent, as JSON text' CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree
PRIMARY KEY (client_id, customer_hash, customer_id)
ORDER BY (client_id, customer_hash, customer_id, time, log_position, item)
SETTINGS index_granularity = 2048, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Product lines of orders and refunds; read the view order_items';

CREATE TABLE vitrine.schema_versions
(
    `version` UInt32 COMMENT 'Number of the migration, from 1',
    `name` String COMMENT 'Name of the migration',
    `checksum` String COMMENT 'SHA-256 of its statements: an applied migration is never edited',
    `applied_at` DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When it had run'
)
ENGINE = ReplacingMergeTree
ORDER BY version
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192
COMMENT 'Which migrations have run on this database';

CREATE TABLE vitrine.served_facts
(
    `client_id` LowCardinality(String) COMMENT 'The client (merchant) whose pages or records these are',
    `customer_id` String COMMENT 'The customer, as the page, the import or the cookie names them' CODEC(ZSTD(1)),
    `customer_hash` UInt64 DEFAULT xxHash64(customer_id) COMMENT 'xxHash64 of customer_id: the order of the table within a client, and the key of audiences',
    `session_id` String COMMENT 'The visit as the tag or the import names it; empty when there was none' CODEC(ZSTD(1)),
    `time` DateTime64(3, 'UTC') COMMENT 'When it happened, in UTC' CODEC(Delta(8), ZSTD(1)),
    `log_position` UInt64 COMMENT 'Place of the event in the event log' CODEC(Delta(8), ZSTD(1)),
    `event_id` UUID COMMENT 'Id of the event in the event log',
    `campaign_id` LowCardinality(String) COMMENT 'Campaign; empty when none is concerned',
    `placement_id` LowCardinality(String) COMMENT 'Place on the page; empty when none was named',
    `content_id` LowCardinality(String) COMMENT 'Content that was chosen; empty when nothing was shown',
    `segment_id` LowCardinality(String) COMMENT 'Segment of the rule that matched; empty when the rule is for everyone or none matched',
    `rule_id` LowCardinality(String) COMMENT 'Rule that matched; empty when none did',
    `group` LowCardinality(String) COMMENT 'Control or test group that was drawn; empty when the rule has no groups',
    `decision_id` String COMMENT 'Id of the answer (content query) that is concerned; empty when none is' CODEC(ZSTD(1)),
    `reason` LowCardinality(String) COMMENT 'TARGETING_MATCH, SPLIT, DEFAULT, DISABLED or STALE',
    `playbook` LowCardinality(String) COMMENT 'Version of the playbook snapshot that answered',
    `audience` String COMMENT 'Version of the audience snapshot that answered, image or image+increment; empty when there was none' CODEC(ZSTD(1)),
    `sample_rate` Float64 COMMENT 'Share of answers that were recorded then: a row stands for 1 / sample_rate answers',
    `form` LowCardinality(String) COMMENT 'json, redirect, body, click or batch',
    `url` String COMMENT 'Address of the page; empty when unknown' CODEC(ZSTD(1)),
    `referrer` String COMMENT 'Address of the page before; empty when unknown' CODEC(ZSTD(1)),
    `device` LowCardinality(String) COMMENT 'desktop, mobile, tablet or bot',
    `browser` LowCardinality(String) COMMENT 'Family in lower case; empty when unknown',
    `country` LowCardinality(String) COMMENT 'ISO 3166-1 alpha-2 in upper case; empty when unknown',
    `context` Map(String, String) COMMENT 'Context that came with the query' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PRIMARY KEY (client_id, customer_hash, customer_id)
ORDER BY (client_id, customer_hash, customer_id, time, log_position)
SETTINGS index_granularity = 2048, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Answers of content-query nodes that were recorded; read the view content_served';

CREATE TABLE vitrine.touched
(
    `client_id` LowCardinality(String) COMMENT 'The client (merchant)',
    `log_position` UInt64 COMMENT 'Place of the event in the event log' CODEC(Delta(8), ZSTD(1)),
    `customer_id` String COMMENT 'The customer whom the event concerns' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (client_id, log_position)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192
COMMENT 'Customers in the order of the log: whom to judge again since a position';

CREATE VIEW vitrine.behaviour
(
    `client_id` LowCardinality(String) COMMENT 'The client (merchant) whose pages or records these are',
    `customer_id` String COMMENT 'The customer, as the page, the import or the cookie names them',
    `session_id` Nullable(String) COMMENT 'The visit as the tag or the import names it; NULL when there was none',
    `time` DateTime64(3, 'UTC') COMMENT 'When it happened, in UTC',
    `event_id` UUID COMMENT 'Id of the event in the event log',
    `log_position` UInt64 COMMENT 'Place of the event in the event log',
    `type` LowCardinality(String) COMMENT 'What the customer did, as POST /e names it, such as Product Viewed',
    `message_id` String COMMENT 'The sender\'s own id of the message',
    `product_id` Nullable(String) COMMENT 'Product that is concerned; NULL when none is',
    `url` Nullable(String) COMMENT 'Address of the page; NULL when unknown',
    `referrer` Nullable(String) COMMENT 'Address of the page before; NULL when unknown',
    `page_host` LowCardinality(Nullable(String)) COMMENT 'Host of url in lower case without www. and port; NULL when unknown',
    `referrer_host` LowCardinality(Nullable(String)) COMMENT 'Host of referrer in lower case without www. and port; NULL when unknown',
    `utm_source` LowCardinality(Nullable(String)) COMMENT 'utm_source of url; NULL when it has none',
    `utm_campaign` LowCardinality(Nullable(String)) COMMENT 'utm_campaign of url; NULL when it has none',
    `email_given` Bool COMMENT 'Whether an e-mail address came with it (the address itself is not in the tables)',
    `campaign_id` LowCardinality(Nullable(String)) COMMENT 'Campaign; NULL when none is concerned',
    `placement_id` LowCardinality(Nullable(String)) COMMENT 'Place on the page; NULL when none was named',
    `content_id` LowCardinality(Nullable(String)) COMMENT 'Content that was chosen; NULL when nothing was shown',
    `segment_id` LowCardinality(Nullable(String)) COMMENT 'Segment of the rule that matched; NULL when the rule is for everyone or none matched',
    `rule_id` LowCardinality(Nullable(String)) COMMENT 'Rule that matched; NULL when none did',
    `group` LowCardinality(Nullable(String)) COMMENT 'Control or test group that was drawn; NULL when the rule has no groups',
    `decision_id` Nullable(String) COMMENT 'Id of the answer (content query) that is concerned; NULL when none is',
    `via` LowCardinality(Nullable(String)) COMMENT 'Of a click that a node saw: address (a click address) or form (the click form); else NULL',
    `import_id` Nullable(String) COMMENT 'The import that brought it; NULL when it came from a page or a server',
    `attributes` Map(String, String) COMMENT 'Of Customer Updated: attribute name to its value as JSON text',
    `properties` JSON COMMENT 'All properties as sent; an e-mail address is sealed; a dot in a name is written %2E'
)
COMMENT 'What customers did: pages, servers, imports and clicks, one row per event'
AS SELECT
    f.client_id AS client_id,
    f.customer_id AS customer_id,
    CAST(nullIf(f.session_id, ''), 'Nullable(String)') AS session_id,
    f.time AS time,
    f.event_id AS event_id,
    f.log_position AS log_position,
    f.type AS type,
    f.message_id AS message_id,
    CAST(nullIf(f.product_id, ''), 'Nullable(String)') AS product_id,
    CAST(nullIf(f.url, ''), 'Nullable(String)') AS url,
    CAST(nullIf(f.referrer, ''), 'Nullable(String)') AS referrer,
    CAST(nullIf(f.page_host, ''), 'LowCardinality(Nullable(String))') AS page_host,
    CAST(nullIf(f.referrer_host, ''), 'LowCardinality(Nullable(String))') AS referrer_host,
    CAST(nullIf(f.utm_source, ''), 'LowCardinality(Nullable(String))') AS utm_source,
    CAST(nullIf(f.utm_campaign, ''), 'LowCardinality(Nullable(String))') AS utm_campaign,
    f.email_given AS email_given,
    CAST(nullIf(f.campaign_id, ''), 'LowCardinality(Nullable(String))') AS campaign_id,
    CAST(nullIf(f.placement_id, ''), 'LowCardinality(Nullable(String))') AS placement_id,
    CAST(nullIf(f.content_id, ''), 'LowCardinality(Nullable(String))') AS content_id,
    CAST(nullIf(f.segment_id, ''), 'LowCardinality(Nullable(String))') AS segment_id,
    CAST(nullIf(f.rule_id, ''), 'LowCardinality(Nullable(String))') AS rule_id,
    CAST(nullIf(f.group, ''), 'LowCardinality(Nullable(String))') AS group,
    CAST(nullIf(f.decision_id, ''), 'Nullable(String)') AS decision_id,
    CAST(nullIf(f.via, ''), 'LowCardinality(Nullable(String))') AS via,
    CAST(nullIf(f.import_id, ''), 'Nullable(String)') AS import_id,
    f.attributes AS attributes,
    CAST(CAST(f.properties, 'JSON'), 'JSON') AS properties
FROM vitrine.behaviour_facts AS f
FINAL
SETTINGS type_json_skip_duplicated_paths = 1, json_type_escape_dots_in_keys = 1, input_format_try_infer_dates = 0, input_format_try_infer_datetimes = 0;

CREATE VIEW vitrine.clients
(
    `client_id` LowCardinality(String) COMMENT 'The client (merchant)',
    `name` String COMMENT 'Name',
    `time_zone` String COMMENT 'IANA time zone: days are by it',
    `currency` String COMMENT 'ISO 4217 code of all amounts',
    `origins` Array(String) COMMENT 'Origins of the client, such as https://shop.example',
    `origin_hosts` Array(String) COMMENT 'Hosts of the origins in lower case without www. and port: a referrer among them is no arrival'
)
COMMENT 'Clients (merchants) with their settings of today'
AS SELECT
    f.client_id AS client_id,
    CAST(argMaxIf(assumeNotNull(f.name), f.log_position, isNotNull(f.name)), 'String') AS name,
    CAST(argMaxIf(assumeNotNull(f.time_zone), f.log_position, isNotNull(f.time_zone)), 'String') AS time_zone,
    CAST(argMaxIf(assumeNotNull(f.currency), f.log_position, isNotNull(f.currency)), 'String') AS currency,
    CAST(argMaxIf(assumeNotNull(f.origins), f.log_position, f.origins_given), 'Array(String)') AS origins,
    CAST(argMaxIf(assumeNotNull(f.origin_hosts), f.log_position, f.origins_given), 'Array(String)') AS origin_hosts
FROM vitrine.client_facts AS f
FINAL
GROUP BY f.client_id;

CREATE VIEW vitrine.content_served
(
    `client_id` LowCardinality(String) COMMENT 'The client (merchant) whose pages or records these are',
    `customer_id` String COMMENT 'The customer, as the page, the import or the cookie names them',
    `session_id` Nullable(String) COMMENT 'The visit as the tag or the import names it; NULL when there was none',
    `time` DateTime64(3, 'UTC') COMMENT 'When it happened, in UTC',
    `event_id` UUID COMMENT 'Id of the event in the event log',
    `log_position` UInt64 COMMENT 'Place of the event in the event log',
    `campaign_id` LowCardinality(Nullable(String)) COMMENT 'Campaign; NULL when none is concerned',
    `placement_id` LowCardinality(Nullable(String)) COMMENT 'Place on the page; NULL when none was named',
    `content_id` LowCardinality(Nullable(String)) COMMENT 'Content that was chosen; NULL when nothing was shown',
    `segment_id` LowCardinality(Nullable(String)) COMMENT 'Segment of the rule that matched; NULL when the rule is for everyone or none matched',
    `rule_id` LowCardinality(Nullable(String)) COMMENT 'Rule that matched; NULL when none did',
    `group` LowCardinality(Nullable(String)) COMMENT 'Control or test group that was drawn; NULL when the rule has no groups',
    `decision_id` Nullable(String) COMMENT 'Id of the answer (content query) that is concerned; NULL when none is',
    `reason` LowCardinality(String) COMMENT 'TARGETING_MATCH, SPLIT, DEFAULT, DISABLED or STALE',
    `playbook` LowCardinality(String) COMMENT 'Version of the playbook snapshot that answered',
    `audience` Nullable(String) COMMENT 'Version of the audience snapshot that answered, image or image+increment; NULL when there was none',
    `sample_rate` Float64 COMMENT 'Share of answers that were recorded then',
    `form` LowCardinality(String) COMMENT 'json, redirect, body, click or batch',
    `url` Nullable(String) COMMENT 'Address of the page; NULL when unknown',
    `referrer` Nullable(String) COMMENT 'Address of the page before; NULL when unknown',
    `device` LowCardinality(String) COMMENT 'desktop, mobile, tablet or bot',
    `browser` LowCardinality(Nullable(String)) COMMENT 'Family in lower case; NULL when unknown',
    `country` LowCardinality(Nullable(String)) COMMENT 'ISO 3166-1 alpha-2 in upper case; NULL when unknown',
    `context` Map(String, String) COMMENT 'Context that came with the query'
)
COMMENT 'Answers of content-query nodes that were recorded; each stands for 1 / sample_rate answers'
AS SELECT
    f.client_id AS client_id,
    f.customer_id AS customer_id,
    CAST(nullIf(f.session_id, ''), 'Nullable(String)') AS session_id,
    f.time AS time,
    f.event_id AS event_id,
    f.log_position AS log_position,
    CAST(nullIf(f.campaign_id, ''), 'LowCardinality(Nullable(String))') AS campaign_id,
    CAST(nullIf(f.placement_id, ''), 'LowCardinality(Nullable(String))') AS placement_id,
    CAST(nullIf(f.content_id, ''), 'LowCardinality(Nullable(String))') AS content_id,
    CAST(nullIf(f.segment_id, ''), 'LowCardinality(Nullable(String))') AS segment_id,
    CAST(nullIf(f.rule_id, ''), 'LowCardinality(Nullable(String))') AS rule_id,
    CAST(nullIf(f.group, ''), 'LowCardinality(Nullable(String))') AS group,
    CAST(nullIf(f.decision_id, ''), 'Nullable(String)') AS decision_id,
    f.reason AS reason,
    f.playbook AS playbook,
    CAST(nullIf(f.audience, ''), 'Nullable(String)') AS audience,
    f.sample_rate AS sample_rate,
    f.form AS form,
    CAST(nullIf(f.url, ''), 'Nullable(String)') AS url,
    CAST(nullIf(f.referrer, ''), 'Nullable(String)') AS referrer,
    f.device AS device,
    CAST(nullIf(f.browser, ''), 'LowCardinality(Nullable(String))') AS browser,
    CAST(nullIf(f.country, ''), 'LowCardinality(Nullable(String))') AS country,
    f.context AS context
FROM vitrine.served_facts AS f
FINAL;

CREATE VIEW vitrine.customers
(
    `client_id` LowCardinality(String) COMMENT 'The client (merchant)',
    `customer_id` String COMMENT 'The customer',
    `orders_count` UInt64 COMMENT 'Orders that count: distinct order ids of Order Completed, the first recorded of each',
    `orders_total` Decimal(18, 4) COMMENT 'Worth of these orders less refunds, in the currency of the client; what does not fit is shown as the largest amount that does',
    `orders_first` Nullable(DateTime64(3, 'UTC')) COMMENT 'Time of the earliest order that counts, in UTC; NULL when there is none',
    `orders_last` Nullable(DateTime64(3, 'UTC')) COMMENT 'Time of the latest order that counts, in UTC; NULL when there is none',
    `visits_count` UInt64 COMMENT 'Visits: distinct session ids, and without one the days in the time zone of the client',
    `visits_first` Nullable(DateTime64(3, 'UTC')) COMMENT 'Time of the first event of all visits, in UTC; NULL when there is none',
    `visits_last` Nullable(DateTime64(3, 'UTC')) COMMENT 'Time of the last event of all visits, in UTC; NULL when there is none',
    `views_count` UInt64 COMMENT 'Number of Product Viewed',
    `cart_adds` UInt64 COMMENT 'Number of Product Added',
    `cart_removes` UInt64 COMMENT 'Number of Product Removed',
    `cart_abandons` UInt64 COMMENT 'Visits with a Product Added and no Order Completed whose last event is more than 12 hours ago',
    `arrival_source` String COMMENT 'How the customer came first: utm_source, else the host of the referrer, else direct; unknown when no event tells',
    `arrival_campaign` Nullable(String) COMMENT 'utm_campaign of that arrival; NULL when there is none',
    `coupons_used` UInt64 COMMENT 'Orders that count with a coupon',
    `email_known` Bool COMMENT 'Whether an e-mail address was ever given',
    `content_served` UInt64 COMMENT 'Answers given to the customer: those recorded, scaled back by their sample rates',
    `content_clicked` UInt64 COMMENT 'Number of clicks',
    `currency` LowCardinality(String) COMMENT 'ISO 4217 code of orders_total',
    `attributes` Map(String, String) COMMENT 'The latest value of each attribute by time; what is no text as JSON; null ones are left out'
)
COMMENT 'One row per client and customer known by behaviour, imports or clicks: the customer fields, as of now'
AS SELECT
    f.client_id AS client_id,
    f.customer_id AS customer_id,
    CAST(f.f0, 'UInt64') AS orders_count,
    CAST(least(greatest(f.f1, toDecimal128('-99999999999999.9999', 4)), toDecimal128('99999999999999.9999', 4)), 'Decimal(18, 4)') AS orders_total,
    CAST(f.f2, 'Nullable(DateTime64(3, \'UTC\'))') AS orders_first,
    CAST(f.f3, 'Nullable(DateTime64(3, \'UTC\'))') AS orders_last,
    CAST(f.f4, 'UInt64') AS visits_count,
    CAST(f.f5, 'Nullable(DateTime64(3, \'UTC\'))') AS visits_first,
    CAST(f.f6, 'Nullable(DateTime64(3, \'UTC\'))') AS visits_last,
    CAST(f.f7, 'UInt64') AS views_count,
    CAST(f.f8, 'UInt64') AS cart_adds,
    CAST(f.f9, 'UInt64') AS cart_removes,
    CAST(f.f10, 'UInt64') AS cart_abandons,
    CAST(f.f11, 'String') AS arrival_source,
    CAST(f.f12, 'Nullable(String)') AS arrival_campaign,
    CAST(f.f13, 'UInt64') AS coupons_used,
    CAST(f.f14, 'Bool') AS email_known,
    CAST(f.f15, 'UInt64') AS content_served,
    CAST(f.f16, 'UInt64') AS content_clicked,
    CAST((
        SELECT mapFromArrays(groupArray(toString(c.client_id)), groupArray(c.currency))
        FROM vitrine.clients AS c
    )[f.client_id], 'LowCardinality(String)') AS currency,
    CAST(f.attributes, 'Map(String, String)') AS attributes
FROM
(
    SELECT
        client_id,
        customer_hash,
        customer_id,
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
        if((m12.1) = '', 'unknown', m12.1) AS f11,
        nullIf(m12.2, '') AS f12,
        m13 AS f13,
        m14 > 0 AS f14,
        m15 AS f15,
        m16 AS f16,
        m17 AS attributes
    FROM
    (
        SELECT
            client_id,
            customer_hash,
            customer_id,
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
            SELECT
                f.client_id AS client_id,
                f.customer_hash AS customer_hash,
                f.customer_id AS customer_id,
                countIf(1) AS m0_0,
                toUInt64(0) AS m1_0,
                toDecimal128(0, 4) AS m2_0,
                CAST(NULL, 'Nullable(Int64)') AS m3_0,
                CAST(NULL, 'Nullable(Int64)') AS m4_0,
                toUInt64(0) AS m5_0,
                CAST(if(countIf((f.type NOT IN ('Order Refunded', 'Customer Updated'))) = 0, NULL, minIf(toUnixTimestamp64Milli(f.time), (f.type NOT IN ('Order Refunded', 'Customer Updated')))), 'Nullable(Int64)') AS m6_0,
                CAST(if(countIf((f.type NOT IN ('Order Refunded', 'Customer Updated'))) = 0, NULL, maxIf(toUnixTimestamp64Milli(f.time), (f.type NOT IN ('Order Refunded', 'Customer Updated')))), 'Nullable(Int64)') AS m7_0,
                countIf(f.type = 'Product Viewed') AS m8_0,
                countIf(f.type = 'Product Added') AS m9_0,
                countIf(f.type = 'Product Removed') AS m10_0,
                toUInt64(0) AS m11_0,
                argMinIf(multiIf(f.utm_source != '', toString(f.utm_source), (f.referrer_host != '') AND (f.referrer_host != f.page_host) AND (NOT has((
                    SELECT mapFromArrays(groupArray(toString(c.client_id)), groupArray(c.origin_hosts))
                    FROM vitrine.clients AS c
                )[f.client_id], toString(f.referrer_host))), toString(f.referrer_host), f.url != '', 'direct', ''), (toInt128(toUnixTimestamp64Milli(f.time)) * toInt128('18446744073709551616')) + f.log_position, multiIf(f.utm_source != '', toString(f.utm_source), (f.referrer_host != '') AND (f.referrer_host != f.page_host) AND (NOT has((
                    SELECT mapFromArrays(groupArray(toString(c.client_id)), groupArray(c.origin_hosts))
                    FROM vitrine.clients AS c
                )[f.client_id], toString(f.referrer_host))), toString(f.referrer_host), f.url != '', 'direct', '') != '') AS m12_0,
                argMinIf(if(f.utm_source != '', toString(f.utm_campaign), ''), (toInt128(toUnixTimestamp64Milli(f.time)) * toInt128('18446744073709551616')) + f.log_position, multiIf(f.utm_source != '', toString(f.utm_source), (f.referrer_host != '') AND (f.referrer_host != f.page_host) AND (NOT has((
                    SELECT mapFromArrays(groupArray(toString(c.client_id)), groupArray(c.origin_hosts))
                    FROM vitrine.clients AS c
                )[f.client_id], toString(f.referrer_host))), toString(f.referrer_host), f.url != '', 'direct', '') != '') AS m12_1,
                toUInt64(0) AS m13_0,
                countIf(f.email_given) AS m14_0,
                toUInt64(0) AS m15_0,
                countIf(f.type = 'Content Clicked') AS m16_0,
                CAST(map(), 'Map(String, String)') AS m17_0,
                0 AS listed
            FROM vitrine.behaviour_facts AS f
            FINAL
            WHERE f.time <= now64(3, 'UTC')
            GROUP BY
                f.client_id,
                f.customer_hash,
                f.customer_id
            UNION ALL
            SELECT
                v.client_id AS client_id,
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
                countIf((v.m11_visit0 > 0) AND (v.m11_visit1 = 0) AND (v.m11_visit2 < toUnixTimestamp64Milli(now64(3, 'UTC') - toIntervalHour(12)))) AS m11_0,
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
                SELECT
                    f.client_id AS client_id,
                    f.customer_hash AS customer_hash,
                    f.customer_id AS customer_id,
                    countIf(1) AS m5_visit0,
                    countIf(f.type = 'Product Added') AS m11_visit0,
                    countIf(f.type = 'Order Completed') AS m11_visit1,
                    maxIf(toUnixTimestamp64Milli(f.time), 1) AS m11_visit2
                FROM vitrine.behaviour_facts AS f
                FINAL
                WHERE (f.time <= now64(3, 'UTC')) AND (f.type NOT IN ('Order Refunded', 'Customer Updated'))
                GROUP BY
                    f.client_id,
                    f.customer_hash,
                    f.customer_id,
                    f.session_id,
                    if(f.session_id != '', toInt32(0), toInt32(toDate32(substring(toString(f.time, if(mapContains((
                        SELECT mapFromArrays(groupArray(toString(c.client_id)), groupArray(c.time_zone))
                        FROM vitrine.clients AS c
                    ), f.client_id), (
                        SELECT mapFromArrays(groupArray(toString(c.client_id)), groupArray(c.time_zone))
                        FROM vitrine.clients AS c
                    )[f.client_id], 'UTC')), 1, 10))))
            ) AS v
            GROUP BY
                v.client_id,
                v.customer_hash,
                v.customer_id
            UNION ALL
            SELECT
                o.client_id AS client_id,
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
                countIf((o.type = 'Order Completed') AND (o.coupon != '')) AS m13_0,
                toUInt64(0) AS m14_0,
                toUInt64(0) AS m15_0,
                toUInt64(0) AS m16_0,
                CAST(map(), 'Map(String, String)') AS m17_0,
                0 AS listed
            FROM
            (
                SELECT
                    r.client_id AS client_id,
                    r.customer_hash AS customer_hash,
                    r.customer_id AS customer_id,
                    r.type AS type,
                    argMin(r.time, r.log_position) AS time,
                    argMin(r.amount, r.log_position) AS amount,
                    argMin(r.coupon, r.log_position) AS coupon
                FROM vitrine.order_facts AS r
                FINAL
                GROUP BY
                    r.client_id,
                    r.customer_hash,
                    r.customer_id,
                    r.type,
                    r.order_id,
                    if((r.order_id = '') OR (r.type = 'Order Refunded'), r.log_position, 0)
            ) AS o
            WHERE o.time <= now64(3, 'UTC')
            GROUP BY
                o.client_id,
                o.customer_hash,
                o.customer_id
            UNION ALL
            SELECT
                s.client_id AS client_id,
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
                toUInt64(floor(arraySum(r -> ((r.2) / (r.1)), arraySort(r -> (r.1), arrayZip(arrayDistinct(groupArrayIf(s.sample_rate, 1)), arrayMap(rate -> countEqual(groupArrayIf(s.sample_rate, 1), rate), arrayDistinct(groupArrayIf(s.sample_rate, 1)))))) + 0.5)) AS m15_0,
                toUInt64(0) AS m16_0,
                CAST(map(), 'Map(String, String)') AS m17_0,
                0 AS listed
            FROM vitrine.served_facts AS s
            FINAL
            WHERE s.time <= now64(3, 'UTC')
            GROUP BY
                s.client_id,
                s.customer_hash,
                s.customer_id
            UNION ALL
            SELECT
                a.client_id AS client_id,
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
                CAST((groupArrayIf(a.name, a.json != 'null'), groupArrayIf(ifNull(multiIf((a.json IN ('', 'null')), NULL, startsWith(a.json, '"'), JSONExtractString(a.json), a.json), ''), a.json != 'null')), 'Map(String, String)') AS m17_0,
                0 AS listed
            FROM
            (
                SELECT
                    f.client_id AS client_id,
                    f.customer_hash AS customer_hash,
                    f.customer_id AS customer_id,
                    attribute.1 AS name,
                    argMax(attribute.2, (f.time, f.log_position)) AS json
                FROM vitrine.behaviour_facts AS f
                FINAL
                ARRAY JOIN arrayZip(mapKeys(f.attributes), mapValues(f.attributes)) AS attribute
                WHERE (f.type = 'Customer Updated') AND (f.time <= now64(3, 'UTC'))
                GROUP BY
                    f.client_id,
                    f.customer_hash,
                    f.customer_id,
                    attribute.1
            ) AS a
            GROUP BY
                a.client_id,
                a.customer_hash,
                a.customer_id
        ) AS b
        GROUP BY
            client_id,
            customer_hash,
            customer_id
        HAVING m0 > 0
    )
) AS f;

CREATE VIEW vitrine.order_items
(
    `client_id` LowCardinality(String) COMMENT 'The client (merchant) whose pages or records these are',
    `customer_id` String COMMENT 'The customer, as the page, the import or the cookie names them',
    `session_id` Nullable(String) COMMENT 'The visit as the tag or the import names it; NULL when there was none',
    `time` DateTime64(3, 'UTC') COMMENT 'When it happened, in UTC',
    `event_id` UUID COMMENT 'Id of the event in the event log',
    `log_position` UInt64 COMMENT 'Place of the event in the event log',
    `item` UInt32 COMMENT 'Place of the line in its order, from 0',
    `type` LowCardinality(String) COMMENT 'Order Completed or Order Refunded',
    `order_id` Nullable(String) COMMENT 'The shop\'s id of the order; NULL when none was given',
    `product_id` Nullable(String) COMMENT 'Product; NULL when none was given',
    `quantity` Decimal(18, 4) COMMENT 'As sent (a shop may send refunds as negative); 1 when none was given',
    `price` Decimal(18, 4) COMMENT 'Of one piece, as sent; 0 when none was given',
    `currency` LowCardinality(String) COMMENT 'ISO 4217 code of price',
    `properties` JSON COMMENT 'The whole line as sent'
)
COMMENT 'Product lines of the orders that count, and of refunds'
AS SELECT
    f.client_id AS client_id,
    f.customer_id AS customer_id,
    CAST(nullIf(f.session_id, ''), 'Nullable(String)') AS session_id,
    f.time AS time,
    f.event_id AS event_id,
    f.log_position AS log_position,
    f.item AS item,
    f.type AS type,
    CAST(nullIf(f.order_id, ''), 'Nullable(String)') AS order_id,
    CAST(nullIf(f.product_id, ''), 'Nullable(String)') AS product_id,
    f.quantity AS quantity,
    f.price AS price,
    CAST(if(f.currency != '', f.currency, (
        SELECT mapFromArrays(groupArray(toString(c.client_id)), groupArray(c.currency))
        FROM vitrine.clients AS c
    )[f.client_id]), 'LowCardinality(String)') AS currency,
    CAST(CAST(f.properties, 'JSON'), 'JSON') AS properties
FROM vitrine.order_item_facts AS f
FINAL
WHERE f.log_position NOT IN (
    SELECT arrayJoin(arrayPopFront(arraySort(groupUniqArray(o.log_position))))
    FROM vitrine.order_facts AS o
    WHERE (o.type = 'Order Completed') AND (o.order_id != '')
    GROUP BY
        o.client_id,
        o.customer_hash,
        o.customer_id,
        o.order_id
    HAVING uniqExact(o.log_position) > 1
)
SETTINGS type_json_skip_duplicated_paths = 1, json_type_escape_dots_in_keys = 1, input_format_try_infer_dates = 0, input_format_try_infer_datetimes = 0;

CREATE VIEW vitrine.orders
(
    `client_id` LowCardinality(String) COMMENT 'The client (merchant) whose pages or records these are',
    `customer_id` String COMMENT 'The customer, as the page, the import or the cookie names them',
    `session_id` Nullable(String) COMMENT 'The visit as the tag or the import names it; NULL when there was none',
    `time` DateTime64(3, 'UTC') COMMENT 'When it happened, in UTC',
    `event_id` UUID COMMENT 'Id of the event in the event log',
    `log_position` UInt64 COMMENT 'Place of the event in the event log',
    `order_id` Nullable(String) COMMENT 'The shop\'s id of the order; NULL when none was given (each completion is an order then)',
    `total` Decimal(18, 4) COMMENT 'Worth of the order: its total, else the sum of price times quantity of its products',
    `currency` LowCardinality(String) COMMENT 'ISO 4217 code of total',
    `coupon` Nullable(String) COMMENT 'Coupon code; NULL when none was used',
    `items` UInt32 COMMENT 'Number of product lines'
)
COMMENT 'Orders that count: of several completions of one order id of a customer the first recorded'
AS SELECT
    f.client_id AS client_id,
    f.customer_id AS customer_id,
    CAST(nullIf(f.session_id, ''), 'Nullable(String)') AS session_id,
    f.time AS time,
    f.event_id AS event_id,
    f.log_position AS log_position,
    CAST(nullIf(f.order_id, ''), 'Nullable(String)') AS order_id,
    f.total AS total,
    CAST(if(f.currency != '', f.currency, (
        SELECT mapFromArrays(groupArray(toString(c.client_id)), groupArray(c.currency))
        FROM vitrine.clients AS c
    )[f.client_id]), 'LowCardinality(String)') AS currency,
    CAST(nullIf(f.coupon, ''), 'Nullable(String)') AS coupon,
    f.items AS items
FROM
(
    SELECT
        o.client_id AS client_id,
        o.customer_id AS customer_id,
        o.order_id AS order_id,
        min(o.log_position) AS log_position,
        argMin(o.session_id, o.log_position) AS session_id,
        argMin(o.time, o.log_position) AS time,
        argMin(o.event_id, o.log_position) AS event_id,
        argMin(o.amount, o.log_position) AS total,
        argMin(o.currency, o.log_position) AS currency,
        argMin(o.coupon, o.log_position) AS coupon,
        argMin(o.items, o.log_position) AS items
    FROM vitrine.order_facts AS o
    FINAL
    WHERE o.type = 'Order Completed'
    GROUP BY
        o.client_id,
        o.customer_hash,
        o.customer_id,
        o.order_id,
        if(o.order_id = '', o.log_position, 0)
) AS f;

CREATE VIEW vitrine.sessions
(
    `client_id` LowCardinality(String) COMMENT 'The client (merchant) whose pages or records these are',
    `customer_id` String COMMENT 'The customer, as the page, the import or the cookie names them',
    `visit_id` String COMMENT 'The session id, or the local day (2026-03-08) of a visit without one',
    `session_id` Nullable(String) COMMENT 'The session id; NULL for a visit without one',
    `first_time` DateTime64(3, 'UTC') COMMENT 'Time of the first event, in UTC',
    `last_time` DateTime64(3, 'UTC') COMMENT 'Time of the last event, in UTC',
    `events` UInt64 COMMENT 'Number of events',
    `page_views` UInt64 COMMENT 'Number of Page Viewed',
    `searches` UInt64 COMMENT 'Number of Products Searched',
    `product_views` UInt64 COMMENT 'Number of Product Viewed',
    `cart_adds` UInt64 COMMENT 'Number of Product Added',
    `cart_removes` UInt64 COMMENT 'Number of Product Removed',
    `cart_views` UInt64 COMMENT 'Number of Cart Viewed',
    `checkouts` UInt64 COMMENT 'Number of Checkout Started',
    `orders` UInt64 COMMENT 'Number of Order Completed, repeats of an order id among them',
    `content_views` UInt64 COMMENT 'Number of Content Viewed',
    `content_clicks` UInt64 COMMENT 'Number of Content Clicked'
)
COMMENT 'Visits: what a customer did under one session id, or without one within one day in the time zone of the client'
AS SELECT
    f.client_id AS client_id,
    f.customer_id AS customer_id,
    CAST(if(f.session_id != '', f.session_id, toString(f.day)), 'String') AS visit_id,
    CAST(nullIf(f.session_id, ''), 'Nullable(String)') AS session_id,
    CAST(fromUnixTimestamp64Milli(min(toUnixTimestamp64Milli(f.time)), 'UTC'), 'DateTime64(3, \'UTC\')') AS first_time,
    CAST(fromUnixTimestamp64Milli(max(toUnixTimestamp64Milli(f.time)), 'UTC'), 'DateTime64(3, \'UTC\')') AS last_time,
    CAST(count(), 'UInt64') AS events,
    CAST(countIf(f.type = 'Page Viewed'), 'UInt64') AS page_views,
    CAST(countIf(f.type = 'Products Searched'), 'UInt64') AS searches,
    CAST(countIf(f.type = 'Product Viewed'), 'UInt64') AS product_views,
    CAST(countIf(f.type = 'Product Added'), 'UInt64') AS cart_adds,
    CAST(countIf(f.type = 'Product Removed'), 'UInt64') AS cart_removes,
    CAST(countIf(f.type = 'Cart Viewed'), 'UInt64') AS cart_views,
    CAST(countIf(f.type = 'Checkout Started'), 'UInt64') AS checkouts,
    CAST(countIf(f.type = 'Order Completed'), 'UInt64') AS orders,
    CAST(countIf(f.type = 'Content Viewed'), 'UInt64') AS content_views,
    CAST(countIf(f.type = 'Content Clicked'), 'UInt64') AS content_clicks
FROM
(
    SELECT
        f.client_id AS client_id,
        f.customer_hash AS customer_hash,
        f.customer_id AS customer_id,
        f.session_id AS session_id,
        f.time AS time,
        f.type AS type,
        if(f.session_id = '', toDate32(substring(toString(f.time, if(mapContains((
            SELECT mapFromArrays(groupArray(toString(c.client_id)), groupArray(c.time_zone))
            FROM vitrine.clients AS c
        ), f.client_id), (
            SELECT mapFromArrays(groupArray(toString(c.client_id)), groupArray(c.time_zone))
            FROM vitrine.clients AS c
        )[f.client_id], 'UTC')), 1, 10)), toDate32('1970-01-01')) AS day
    FROM vitrine.behaviour_facts AS f
    FINAL
    WHERE f.type NOT IN ('Order Refunded', 'Customer Updated')
) AS f
GROUP BY
    f.client_id,
    f.customer_hash,
    f.customer_id,
    f.session_id,
    f.day;
