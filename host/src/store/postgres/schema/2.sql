-- Applies a batch of writes as the function above does, of which some depend on guards: a
-- guard is held if its key has this value, or none where that is null. `guards` has for
-- each write the number of its guard, from 1, or 0. What depends on one that is not held is
-- left out, and a row tells of it: the guard's number, negative, in the place.
--
-- Writes that depend on one key wait for each other, also where it has no value yet: all
-- hosts take these locks first, and in one order.
CREATE FUNCTION dovetail.write(
    buckets text[], keys bytea[], vals bytea[], deltas text[], places int[], guards int[],
    guard_buckets text[], guard_keys bytea[], guard_vals bytea[]
)
RETURNS TABLE (place int, sum text, stored text)
LANGUAGE plpgsql
AS $$
DECLARE
    held boolean[] := array_fill(false, ARRAY[cardinality(guard_keys)]);
    found bytea;
    g record;
BEGIN
    FOR g IN SELECT *
             FROM unnest(guard_buckets, guard_keys, guard_vals) WITH ORDINALITY AS given (bucket, key, val, number)
             ORDER BY given.bucket COLLATE "C", given.key LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended(g.bucket || '/' || encode(g.key, 'hex'), 0));
        -- Nobody changes or deletes it either, guarded or not, before this is done.
        SELECT e.value INTO found FROM dovetail.entries e WHERE e.bucket = g.bucket AND e.key = g.key FOR SHARE;
        held[g.number] := found IS NOT DISTINCT FROM g.val;
        IF NOT held[g.number] THEN
            place := -g.number;
            RETURN NEXT;
        END IF;
    END LOOP;
    RETURN QUERY
        SELECT done.*
        FROM (
            SELECT array_agg(w.bucket ORDER BY w.number) AS buckets, array_agg(w.key ORDER BY w.number) AS keys,
                   array_agg(w.val ORDER BY w.number) AS vals, array_agg(w.delta ORDER BY w.number) AS deltas,
                   array_agg(w.place ORDER BY w.number) AS places
            FROM unnest(buckets, keys, vals, deltas, places, guards) WITH ORDINALITY
                AS w (bucket, key, val, delta, place, guard, number)
            WHERE w.guard = 0 OR held[w.guard]
        ) AS w,
        LATERAL dovetail.write(w.buckets, w.keys, w.vals, w.deltas, w.places) AS done
        WHERE w.keys IS NOT NULL;
END
$$;
