CREATE SCHEMA IF NOT EXISTS dovetail;

CREATE TABLE dovetail.versions (
    version int PRIMARY KEY,
    made timestamptz NOT NULL DEFAULT now()
);

-- Keys are bytes because a text of PostgreSQL has no NUL, and a key may have one;
-- people read them by encode(key, 'escape').
CREATE TABLE dovetail.entries (
    id bigint NOT NULL,
    bucket text COLLATE "C" NOT NULL,
    key bytea NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (bucket, key)
);

-- A listing goes by the id, which is given when a key is first set.
CREATE UNIQUE INDEX entries_in_order ON dovetail.entries (bucket, id);

-- Each batch of writes takes one number, and its writes are numbered within it.
CREATE SEQUENCE dovetail.batches;

-- Applies a batch of writes, all or none. Each has a value to set, or a delta to
-- add, or neither, which deletes. They come ordered by bucket and key, in which all
-- hosts take their locks, so that none waits for another in a circle. For each
-- delta a row tells the sum; or, if the value is no counter or the sum too large,
-- nothing was added and the row has what is stored, if that is short enough to be
-- a number.
CREATE FUNCTION dovetail.write(buckets text[], keys bytea[], vals bytea[], deltas text[], places int[])
RETURNS TABLE (place int, sum text, stored text)
LANGUAGE plpgsql
AS $$
DECLARE
    batch CONSTANT bigint := nextval('dovetail.batches') << 20;
    most CONSTANT numeric := 18446744073709551615;
    w record;
BEGIN
    IF cardinality(keys) > 1 << 20 THEN
        RAISE EXCEPTION 'a batch has at most 1048576 writes';
    END IF;
    FOR w IN SELECT * FROM unnest(buckets, keys, vals, deltas, places) AS w (bucket, key, val, delta, place) LOOP
        IF w.val IS NOT NULL THEN
            INSERT INTO dovetail.entries (id, bucket, key, value)
            VALUES (batch + w.place, w.bucket, w.key, w.val)
            ON CONFLICT (bucket, key) DO UPDATE SET value = excluded.value;
        ELSIF w.delta IS NOT NULL THEN
            place := w.place;
            sum := NULL;
            stored := NULL;
            INSERT INTO dovetail.entries AS e (id, bucket, key, value)
            VALUES (batch + w.place, w.bucket, w.key, convert_to(w.delta, 'UTF8'))
            ON CONFLICT (bucket, key) DO UPDATE
                SET value = convert_to((encode(e.value, 'escape')::numeric + w.delta::numeric)::text, 'UTF8')
                -- CASE, because AND may be tried in either order.
                WHERE CASE WHEN octet_length(e.value) <= 100 AND encode(e.value, 'escape') ~ '^[0-9]+$'
                           THEN encode(e.value, 'escape')::numeric + w.delta::numeric <= most END
            RETURNING encode(e.value, 'escape') INTO sum;
            IF sum IS NULL THEN
                SELECT encode(e.value, 'escape') INTO stored FROM dovetail.entries e
                WHERE e.bucket = w.bucket AND e.key = w.key AND octet_length(e.value) <= 100;
            END IF;
            RETURN NEXT;
        ELSE
            DELETE FROM dovetail.entries e WHERE e.bucket = w.bucket AND e.key = w.key;
        END IF;
    END LOOP;
END
$$;
