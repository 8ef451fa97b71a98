//! How buckets are kept in a database, and the scripts that change them whole.
//!
//! A bucket is a hash of its values, a sorted set of its keys by the number that
//! each got when it was first set, and the number that was given last. A script is sent
//! whole: the server knows it again by its text, and one that was started anew needs to
//! be told nothing.

use redis::{Cmd, cmd};

use crate::store::{Change, Guard};

/// The names of all buckets that were written, for those who ask for all.
pub const BUCKETS: &str = "dovetail:buckets";

/// A bucket's keys in the database.
#[derive(Clone, Copy)]
pub struct Bucket<'a>(pub &'a str);

impl Bucket<'_> {
    /// The hash of its values.
    pub fn values(self) -> String {
        format!("dovetail:values:{}", self.0)
    }

    /// The sorted set of its keys.
    pub fn order(self) -> String {
        format!("dovetail:order:{}", self.0)
    }

    fn last(self) -> String {
        format!("dovetail:last:{}", self.0)
    }
}

/// Makes all changes, if the guard is held that there may be; answers whether it was.
pub fn write(guard: Option<&Guard>, changes: &[Change]) -> Cmd {
    let mut buckets: Vec<&str> = changes.iter().map(|change| change.bucket).collect();
    buckets.sort_unstable();
    buckets.dedup();
    let mut command = cmd("EVAL");
    let guards = usize::from(guard.is_some());
    command.arg(WRITE).arg(1 + 3 * buckets.len() + guards).arg(BUCKETS);
    for bucket in &buckets {
        command.arg(Bucket(bucket).values()).arg(Bucket(bucket).order()).arg(Bucket(bucket).last());
    }
    match guard {
        Some(Guard { bucket, key, value: Some(value) }) => {
            command.arg(Bucket(bucket).values()).arg("value").arg(key).arg(*value)
        }
        Some(Guard { bucket, key, value: None }) => command.arg(Bucket(bucket).values()).arg("none").arg(key).arg(""),
        None => command.arg("").arg("").arg(""),
    };
    for Change { bucket, key, value } in changes {
        // Its place in the list, from 0: it is there.
        let place = buckets.partition_point(|other| other < bucket);
        match value {
            Some(value) => command.arg(place).arg(bucket).arg(key).arg("=").arg(value.as_slice()),
            None => command.arg(place).arg(bucket).arg(key).arg("").arg(""),
        };
    }
    command
}

/// Adds to a counter; answers with the sum, or with nothing and what is stored.
pub fn increment(bucket: Bucket, key: &str, delta: u64) -> Cmd {
    let mut command = cmd("EVAL");
    command.arg(INCREMENT).arg(4).arg(bucket.values()).arg(bucket.order()).arg(bucket.last()).arg(BUCKETS);
    command.arg(bucket.0).arg(key).arg(delta);
    command
}

/// The values of keys, each of which is asked for so often; nothing if they have
/// more than `most` bytes.
pub fn get_many(bucket: Bucket, asked: &[(&str, usize)], most: usize) -> Cmd {
    let mut command = cmd("EVAL_RO");
    command.arg(GET_MANY).arg(1).arg(bucket.values()).arg(most);
    for (key, times) in asked {
        command.arg(key).arg(times);
    }
    command
}

/// How many keys, of how many bytes with their values, a part of a bucket has, and
/// the number of the last of them: nothing once there are no more.
pub fn sizes(bucket: Bucket, after: u64) -> Cmd {
    let mut command = cmd("EVAL_RO");
    command.arg(SIZES).arg(2).arg(bucket.values()).arg(bucket.order()).arg(format!("({after}"));
    command
}

/// Of the guard, whose values are the last key: what it must have, its key, its value. Of each
/// change: the place of its bucket, the bucket, the key, whether it is set, the value.
const WRITE: &str = "
if ARGV[1] ~= '' then
    local found = redis.call('HGET', KEYS[#KEYS], ARGV[2])
    if ARGV[1] == 'none' and found or ARGV[1] == 'value' and found ~= ARGV[3] then return 0 end
end
for at = 4, #ARGV, 5 do
    local first, bucket, key = 2 + 3 * tonumber(ARGV[at]), ARGV[at + 1], ARGV[at + 2]
    local values, order, last = KEYS[first], KEYS[first + 1], KEYS[first + 2]
    if ARGV[at + 3] == '' then
        redis.call('HDEL', values, key)
        redis.call('ZREM', order, key)
    elseif redis.call('HSET', values, key, ARGV[at + 4]) == 1 then
        redis.call('SADD', KEYS[1], bucket)
        redis.call('ZADD', order, redis.call('INCR', last), key)
    end
end
return 1";

/// Lua's numbers are exact up to 2^53, and a counter goes up to 2^64 - 1: it is
/// added in two halves, of which the lower has ten digits.
const INCREMENT: &str = "
local function halves(text)
    local digits = text:gsub('^0+', '')
    if #digits > 20 then return nil end
    local high, low = tonumber(digits:sub(1, -11)) or 0, tonumber(digits:sub(-10)) or 0
    if high > 1844674407 or (high == 1844674407 and low > 3709551615) then return nil end
    return high, low
end
local stored = redis.call('HGET', KEYS[1], ARGV[2])
if stored and not stored:find('^[0-9]+$') then return {false, stored} end
local high, low = halves(stored or '0')
local more_high, more_low = halves(ARGV[3])
if not high then return {false, stored} end
high, low = high + more_high, low + more_low
if low >= 1e10 then high, low = high + 1, low - 1e10 end
if high > 1844674407 or (high == 1844674407 and low > 3709551615) then return {false, stored} end
local sum = high > 0 and string.format('%.0f%010.0f', high, low) or string.format('%.0f', low)
if redis.call('HSET', KEYS[1], ARGV[2], sum) == 1 then
    redis.call('SADD', KEYS[4], ARGV[1])
    redis.call('ZADD', KEYS[2], redis.call('INCR', KEYS[3]), ARGV[2])
end
return {sum, false}";

const GET_MANY: &str = "
local room = tonumber(ARGV[1])
for at = 2, #ARGV, 2 do
    local size = redis.call('HSTRLEN', KEYS[1], ARGV[at])
    if size > 0 or redis.call('HEXISTS', KEYS[1], ARGV[at]) == 1 then
        room = room - (size + #ARGV[at]) * tonumber(ARGV[at + 1])
    end
end
if room < 0 then return nil end
local values = {}
for at = 2, #ARGV, 2 do values[at / 2] = redis.call('HGET', KEYS[1], ARGV[at]) end
return values";

const SIZES: &str = "
local page = redis.call('ZRANGEBYSCORE', KEYS[2], ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, 1000)
if #page == 0 then return nil end
local bytes = 0
for at = 1, #page, 2 do bytes = bytes + #page[at] + redis.call('HSTRLEN', KEYS[1], page[at]) end
return {#page / 2, bytes, tonumber(page[#page])}";
