//! The commands of redis-rs's command traits, as lists that are expanded once for each trait.
//!
//! `$check!($out, plain call)` takes any reply, `sorted` one whose order means nothing, `generic`
//! one whose type the typed traits leave to the caller.

macro_rules! keys_and_strings {
    ($check:ident, $out:ident, $c:ident) => {
        $check!($out, plain $c.set("k", "value"));
        $check!($out, plain $c.get("k"));
        $check!($out, plain $c.get("missing"));
        $check!($out, plain $c.set_options("k", "2", SetOptions::default().get(true)));
        $check!($out, plain $c.set_options(
            "k",
            "3",
            SetOptions::default().conditional_set(ExistenceCheck::NX)
        ));
        $check!($out, plain $c.mset(&[("a", "1"), ("b", "2")]));
        $check!($out, plain $c.mget(&["a", "missing", "b"]));
        $check!($out, plain $c.set_ex("temporary", "x", 1_000));
        $check!($out, plain $c.pset_ex("temporary", "x", 1_000_000));
        $check!($out, plain $c.set_nx("k", "x"));
        $check!($out, plain $c.mset_nx(&[("c", "1"), ("d", "2")]));
        $check!($out, plain $c.getset("k", "new"));
        $check!($out, plain $c.getrange("k", 0, 1));
        $check!($out, plain $c.setrange("k", 1, "xyz"));
        $check!($out, plain $c.append("k", "!"));
        $check!($out, plain $c.strlen("k"));
        $check!($out, plain $c.get_del("k"));
        $check!($out, plain $c.get_ex("a", Expiry::EXAT(4_102_444_800)));
        $check!($out, plain $c.expire_time("a"));
        $check!($out, plain $c.pexpire_time("a"));
        $check!($out, plain $c.expire("b", 100));
        $check!($out, plain $c.pexpire("b", 100_000));
        $check!($out, plain $c.expire_at("b", 4_102_444_800));
        $check!($out, plain $c.pexpire_at("b", 4_102_444_800_000));
        $check!($out, plain $c.persist("b"));
        $check!($out, plain $c.ttl("b"));
        $check!($out, plain $c.pttl("missing"));
        $check!($out, plain $c.incr("a", 5));
        $check!($out, plain $c.decr("a", 2));
        $check!($out, plain $c.incr("word", "x"));
        $check!($out, plain $c.exists("a"));
        $check!($out, plain $c.exists("missing"));
        $check!($out, plain $c.key_type("a"));
        $check!($out, plain $c.key_type("missing"));
        $check!($out, plain $c.copy("a", "a2", CopyOptions::default().replace(true)));
        $check!($out, plain $c.rename("a2", "a3"));
        $check!($out, plain $c.rename("missing", "a3"));
        $check!($out, plain $c.rename_nx("a3", "b"));
        $check!($out, sorted $c.keys("[abcd]"));
        $check!($out, plain $c.del(&["c", "d", "missing"]));
        $check!($out, plain $c.unlink("a3"));
        $check!($out, plain $c.object_encoding("a"));
        $check!($out, plain $c.object_refcount("temporary"));
        $check!($out, plain $c.object_freq("a"));
        $check!($out, plain $c.ping());
        $check!($out, plain $c.ping_message("hello"));
        $check!($out, plain $c.publish("silence", "no subscriber"));
        // What this server may be too old for: then both give its error.
        $check!($out, plain $c.digest("a"));
        $check!($out, plain $c.spublish("silence", "no subscriber"));
    };
}

macro_rules! bits_and_hyperloglogs {
    ($check:ident, $out:ident, $c:ident) => {
        $check!($out, plain $c.setbit("bits", 7, true));
        $check!($out, plain $c.setbit("bits2", 6, true));
        $check!($out, plain $c.getbit("bits", 7));
        $check!($out, plain $c.bitcount("bits"));
        $check!($out, plain $c.bitcount_range("bits", 0, 1));
        $check!($out, plain $c.bit_and("bits3", &["bits", "bits2"]));
        $check!($out, plain $c.bit_or("bits3", &["bits", "bits2"]));
        $check!($out, plain $c.bit_xor("bits3", &["bits", "bits2"]));
        $check!($out, plain $c.bit_not("bits3", "bits"));
        $check!($out, plain $c.pfadd("hll", &["a", "b", "c"]));
        $check!($out, plain $c.pfadd("hll", "a"));
        $check!($out, plain $c.pfcount("hll"));
        $check!($out, plain $c.pfmerge("hll2", &["hll"]));
        $check!($out, plain $c.pfcount(&["hll", "hll2"]));
    };
}

macro_rules! hashes {
    ($check:ident, $out:ident, $c:ident) => {
        $check!($out, plain $c.hset("h", "f", "1"));
        $check!($out, plain $c.hset_nx("h", "f", "2"));
        $check!($out, plain $c.hset_multiple("h", &[("g", "2"), ("i", "3")]));
        $check!($out, plain $c.hget("h", "f"));
        $check!($out, plain $c.hget("h", "missing"));
        $check!($out, plain $c.hmget("h", &["f", "g"]));
        // The typed traits cannot take the nil, which is an error of the same kind then.
        $check!($out, plain $c.hmget("h", &["f", "missing"]));
        $check!($out, plain $c.hincr("h", "f", 1));
        $check!($out, plain $c.hincr("h", "f", 0.5));
        $check!($out, plain $c.hexists("h", "g"));
        $check!($out, plain $c.hkeys("h"));
        $check!($out, plain $c.hvals("h"));
        $check!($out, sorted $c.hgetall("h"));
        $check!($out, sorted $c.hgetall("missing"));
        $check!($out, plain $c.hlen("h"));
        $check!($out, plain $c.hexpire("h", 100, ExpireOption::NONE, "f"));
        $check!($out, plain $c.httl("h", "f"));
        $check!($out, plain $c.hdel("h", &["f", "missing"]));
    };
}

macro_rules! lists {
    ($check:ident, $out:ident, $c:ident) => {
        $check!($out, plain $c.rpush("l", &["a", "b", "c", "d", "e"]));
        $check!($out, plain $c.lpush("l", "z"));
        $check!($out, plain $c.lpush_exists("missing", "z"));
        $check!($out, plain $c.rpush_exists("l", "f"));
        $check!($out, plain $c.lrange("l", 0, -1));
        $check!($out, plain $c.lindex("l", 1));
        $check!($out, plain $c.lindex("l", 100));
        $check!($out, plain $c.linsert_before("l", "b", "ab"));
        $check!($out, plain $c.linsert_after("l", "missing", "x"));
        $check!($out, plain $c.llen("l"));
        $check!($out, generic $c.lpop("l", None));
        $check!($out, generic $c.lpop("l", NonZeroUsize::new(2)));
        $check!($out, generic $c.rpop("l", None));
        $check!($out, generic $c.lpop("missing", None));
        $check!($out, generic $c.lpos("l", "c", LposOptions::default()));
        $check!($out, generic $c.lpos("l", "c", LposOptions::default().count(0)));
        $check!($out, plain $c.lset("l", 0, "first"));
        $check!($out, plain $c.lset("l", 100, "far"));
        $check!($out, plain $c.lmove("l", "l2", Direction::Left, Direction::Right));
        $check!($out, plain $c.rpoplpush("l", "l2"));
        $check!($out, plain $c.lmpop(1, "l2", Direction::Left, 1));
        $check!($out, plain $c.lrem("l", 0, "c"));
        $check!($out, plain $c.ltrim("l", 0, 1));
        $check!($out, plain $c.rpush("queue", &["1", "2", "3", "4", "5", "6"]));
        $check!($out, plain $c.blpop("queue", 0.05));
        $check!($out, plain $c.brpop("queue", 0.05));
        $check!($out, plain $c.brpoplpush("queue", "l3", 0.05));
        $check!($out, plain $c.blmove("queue", "l3", Direction::Left, Direction::Left, 0.05));
        $check!($out, plain $c.blmpop(0.05, 1, "queue", Direction::Left, 1));
        $check!($out, plain $c.blpop("missing", 0.05));
        $check!($out, plain $c.incr("l", 1));
    };
}

macro_rules! sets {
    ($check:ident, $out:ident, $c:ident) => {
        $check!($out, plain $c.sadd("s", &["a", "b", "c"]));
        $check!($out, plain $c.sadd("t", &["b", "c", "d"]));
        $check!($out, plain $c.scard("s"));
        $check!($out, sorted $c.sdiff(&["s", "t"]));
        $check!($out, plain $c.sdiffstore("u", &["s", "t"]));
        $check!($out, sorted $c.sinter(&["s", "t"]));
        $check!($out, plain $c.sinterstore("u", &["s", "t"]));
        $check!($out, sorted $c.sunion(&["s", "t"]));
        $check!($out, plain $c.sunionstore("u", &["s", "t"]));
        $check!($out, plain $c.sismember("s", "a"));
        $check!($out, plain $c.smismember("s", &["a", "missing"]));
        $check!($out, sorted $c.smembers("s"));
        $check!($out, sorted $c.smembers("missing"));
        $check!($out, plain $c.smove("s", "t", "a"));
        $check!($out, plain $c.sadd("single", "only"));
        $check!($out, plain $c.srandmember("single"));
        $check!($out, plain $c.srandmember_multiple("single", -2));
        $check!($out, generic $c.spop("single"));
        $check!($out, generic $c.spop("single"));
        $check!($out, plain $c.srem("t", &["a", "missing"]));
        $check!($out, plain $c.sadd("queue", "not a set"));
    };
}

macro_rules! sorted_sets {
    ($check:ident, $out:ident, $c:ident) => {
        $check!($out, plain $c.zadd("z", "a", 1));
        $check!($out, plain $c.zadd_multiple("z", &[(2, "b"), (3, "c"), (4, "d")]));
        $check!($out, plain $c.zadd("y", "b", 20));
        $check!($out, plain $c.zadd_options("z", "a", 9, &SortedSetAddOptions::add_only()));
        $check!($out, plain $c.zadd_multiple_options(
            "z",
            &[(2, "b"), (5, "e")],
            &SortedSetAddOptions::add_or_update(None).include_changed_count()
        ));
        $check!($out, plain $c.zcard("z"));
        $check!($out, plain $c.zcount("z", 1, "+inf"));
        $check!($out, plain $c.zincr("z", "a", 0.5));
        $check!($out, plain $c.zscore("z", "a"));
        $check!($out, plain $c.zscore("z", "missing"));
        $check!($out, plain $c.zscore_multiple("z", &["a", "b"]));
        $check!($out, plain $c.zrank("z", "b"));
        $check!($out, plain $c.zrevrank("z", "missing"));
        $check!($out, plain $c.zrange("z", 0, -1));
        $check!($out, plain $c.zrange_withscores("z", 0, -1));
        $check!($out, plain $c.zrevrange("z", 0, 1));
        $check!($out, plain $c.zrevrange_withscores("z", 0, 1));
        $check!($out, plain $c.zrangebyscore("z", 2, 3));
        $check!($out, plain $c.zrangebyscore_withscores("z", 2, 3));
        $check!($out, plain $c.zrangebyscore_limit("z", "-inf", "+inf", 1, 1));
        $check!($out, plain $c.zrangebyscore_limit_withscores("z", 2, 3, 0, 1));
        $check!($out, plain $c.zrevrangebyscore("z", 3, 2));
        $check!($out, plain $c.zrevrangebyscore_withscores("z", 3, 2));
        $check!($out, plain $c.zrangebylex("z", "-", "+"));
        $check!($out, plain $c.zrevrangebylex("z", "+", "-"));
        $check!($out, plain $c.zlexcount("z", "-", "+"));
        $check!($out, plain $c.zinterstore("w", &["z", "y"]));
        $check!($out, plain $c.zinterstore_min("w", &["z", "y"]));
        $check!($out, plain $c.zinterstore_weights("w", &[("z", 2), ("y", 3)]));
        $check!($out, plain $c.zunionstore("w", &["z", "y"]));
        $check!($out, plain $c.zunionstore_max("w", &["z", "y"]));
        $check!($out, plain $c.zunionstore_weights("w", &[("z", 2), ("y", 3)]));
        $check!($out, plain $c.zrange_withscores("w", 0, -1));
        $check!($out, generic $c.zrandmember("y", None));
        $check!($out, generic $c.zrandmember_withscores("y", 1));
        $check!($out, plain $c.zmpop_min("w", 1));
        $check!($out, plain $c.zmpop_max("w", 1));
        $check!($out, plain $c.zpopmin("z", 1));
        $check!($out, plain $c.zpopmax("z", 1));
        $check!($out, plain $c.bzpopmin("z", 0.05));
        $check!($out, plain $c.bzpopmax("z", 0.05));
        $check!($out, plain $c.bzmpop_min(0.05, "w", 1));
        $check!($out, plain $c.bzmpop_max(0.05, "w", 1));
        $check!($out, plain $c.bzpopmin("missing", 0.05));
        $check!($out, plain $c.zrem("z", "c"));
        $check!($out, plain $c.zrembylex("w", "-", "+"));
        $check!($out, plain $c.zremrangebyrank("y", 0, 0));
        $check!($out, plain $c.zrembyscore("z", "-inf", "+inf"));
        $check!($out, plain $c.zadd("z", "a", "not a number"));
    };
}

macro_rules! geo_and_streams {
    ($check:ident, $out:ident, $c:ident) => {
        $check!($out, plain $c.geo_add(
            "g",
            &[("13.361389", "38.115556", "Palermo"), ("15.087269", "37.502669", "Catania")]
        ));
        $check!($out, plain $c.geo_dist("g", "Palermo", "Catania", Unit::Kilometers));
        $check!($out, plain $c.geo_dist("g", "Palermo", "missing", Unit::Kilometers));
        $check!($out, plain $c.geo_hash("g", &["Palermo", "Catania"]));
        $check!($out, plain $c.geo_pos("g", &["Palermo", "missing"]));
        $check!($out, plain $c.geo_radius(
            "g",
            15.0,
            37.0,
            200.0,
            Unit::Kilometers,
            RadiusOptions::default().with_dist().with_coord().order(RadiusOrder::Asc)
        ));
        $check!($out, plain $c.geo_radius_by_member(
            "g",
            "Palermo",
            1.0,
            Unit::Kilometers,
            RadiusOptions::default()
        ));

        $check!($out, plain $c.xadd("x", "1-1", &[("f", "1")]));
        $check!($out, plain $c.xadd_map("x", "2-1", BTreeMap::from([("f", "2")])));
        $check!($out, plain $c.xadd_maxlen("x", StreamMaxlen::Equals(9), "3-1", &[("f", "3")]));
        $check!($out, plain $c.xadd_maxlen_map(
            "x",
            StreamMaxlen::Equals(9),
            "4-1",
            BTreeMap::from([("f", "4")])
        ));
        $check!($out, plain $c.xadd_options(
            "missing",
            "1-1",
            &[("f", "1")],
            &StreamAddOptions::default().nomkstream()
        ));
        $check!($out, plain $c.xadd("x", "1-1", &[("too", "old")]));
        $check!($out, plain $c.xlen("x"));
        $check!($out, plain $c.xrange("x", "2", "3"));
        $check!($out, plain $c.xrange_all("x"));
        $check!($out, plain $c.xrange_count("x", "-", "+", 1));
        $check!($out, plain $c.xrevrange("x", "3", "2"));
        $check!($out, plain $c.xrevrange_all("missing"));
        $check!($out, plain $c.xrevrange_count("x", "+", "-", 1));
        $check!($out, plain $c.xread(&["x"], &["2"]));
        $check!($out, plain $c.xread(&["x"], &["$"]));
        $check!($out, plain $c.xread_options(
            &["x"],
            &["0"],
            &StreamReadOptions::default().count(1).block(50)
        ));
        $check!($out, plain $c.xread_options(
            &["x"],
            &["$"],
            &StreamReadOptions::default().block(50)
        ));
        $check!($out, plain $c.xgroup_create("x", "group", "0"));
        $check!($out, plain $c.xgroup_create("x", "group", "0"));
        $check!($out, plain $c.xgroup_create_mkstream("x2", "group", "0"));
        $check!($out, plain $c.xgroup_createconsumer("x", "group", "consumer"));
        $check!($out, plain $c.xread_options(
            &["x"],
            &[">"],
            &StreamReadOptions::default().group("group", "consumer").count(3)
        ));
        $check!($out, plain $c.xpending("x", "group"));
        $check!($out, plain $c.xclaim("x", "group", "other", 0, &["1-1"]));
        $check!($out, generic $c.xclaim_options(
            "x",
            "group",
            "other",
            0,
            &["2-1"],
            StreamClaimOptions::default().with_justid()
        ));
        $check!($out, plain $c.xautoclaim_options(
            "x",
            "group",
            "third",
            0,
            "0",
            StreamAutoClaimOptions::default().count(1)
        ));
        $check!($out, plain $c.xack("x", "group", &["1-1", "9-9"]));
        $check!($out, plain $c.xinfo_stream("x"));
        $check!($out, plain $c.xinfo_groups("x"));
        $check!($out, plain $c.xinfo_consumers("x2", "group"));
        $check!($out, plain $c.xgroup_setid("x", "group", "0"));
        $check!($out, plain $c.xgroup_delconsumer("x", "group", "consumer"));
        $check!($out, plain $c.xgroup_destroy("x", "group"));
        $check!($out, plain $c.xdel("x", &["1-1"]));
        $check!($out, plain $c.xtrim("x", StreamMaxlen::Equals(1)));
        $check!($out, plain $c.xtrim_options(
            "x",
            &StreamTrimOptions::maxlen(StreamTrimmingMode::Exact, 0)
        ));
    };
}

macro_rules! server_and_rights {
    ($check:ident, $out:ident, $c:ident) => {
        $check!($out, plain $c.acl_setuser_rules("app", &[Rule::On, Rule::AllKeys]));
        $check!($out, plain $c.acl_getuser("app"));
        $check!($out, plain $c.acl_getuser("unknown"));
        $check!($out, sorted $c.acl_users());
        $check!($out, sorted $c.acl_cat());
        $check!($out, plain $c.acl_dryrun("app", "GET", "k"));
        $check!($out, plain $c.acl_whoami());
        $check!($out, plain $c.acl_deluser(&["app"]));
        $check!($out, plain $c.acl_save());
        $check!($out, plain $c.flushdb());
        $check!($out, plain $c.flushdb_options(&FlushAllOptions::default().blocking(true)));
        $check!($out, plain $c.flushall());
    };
}

macro_rules! every_command {
    ($check:ident, $out:ident, $c:ident) => {
        keys_and_strings!($check, $out, $c);
        bits_and_hyperloglogs!($check, $out, $c);
        hashes!($check, $out, $c);
        lists!($check, $out, $c);
        sets!($check, $out, $c);
        sorted_sets!($check, $out, $c);
        geo_and_streams!($check, $out, $c);
        server_and_rights!($check, $out, $c);
    };
}
