package bench;

import bench.Nexmark.*;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.*;
import org.apache.flink.api.common.state.*;
import org.apache.flink.api.common.typeinfo.*;
import org.apache.flink.api.java.tuple.*;
import org.apache.flink.streaming.api.datastream.*;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.co.RichCoFlatMapFunction;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.*;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** Nexmark queries as somebody writes them for Flink who wants them fast; named as Millrace's. */
final class NexmarkJobs {
    private NexmarkJobs() {}
    static final TypeInformation<Tuple2<Long, Long>> LL = Types.TUPLE(Types.LONG, Types.LONG);
    static final TypeInformation<Tuple3<Long, Long, Long>> LLL = Types.TUPLE(Types.LONG, Types.LONG, Types.LONG);

    static void build(StreamExecutionEnvironment env, Args a, long n) {
        String samples = a.s("samples", "out/samples");
        DataStream<Event> ev = env.fromSource(
            new GenSource<>(new Nexmark(a.i("step", 10)), TypeInformation.of(Event.class), n, a.i("p", 1), 0, 1, samples, a.i("stretch", 0)),
            WatermarkStrategy.forMonotonousTimestamps(), "nexmark");
        rows(a.s("job", ""), ev).sinkTo(new RowsSink<>(samples));
    }

    @SuppressWarnings("unchecked")
    private static DataStream<Object> rows(String job, DataStream<Event> ev) { return (DataStream<Object>) (DataStream<?>) query(job, ev); }

    private static DataStream<?> query(String job, DataStream<Event> ev) {
        switch (job) {
            case "source": return ev;
            case "q1":
                return ev.filter(e -> e.type == 2).map(e -> {
                    Bid b = e.bid, r = new Bid();
                    r.auction = b.auction; r.bidder = b.bidder; r.price = b.price * 908 / 1000;
                    r.channel = b.channel; r.url = b.url; r.dateTime = b.dateTime; r.extra = b.extra;
                    return r;
                });
            case "q3": {
                DataStream<Person> ps = ev.filter(e -> e.type == 0 && (e.person.state.equals("OR") || e.person.state.equals("ID") || e.person.state.equals("CA"))).map(e -> e.person);
                DataStream<Auction> as = ev.filter(e -> e.type == 1 && e.auction.category == 10).map(e -> e.auction);
                return as.keyBy(x -> x.seller).connect(ps.keyBy(x -> x.id)).flatMap(new Q3());
            }
            case "q5": // bids cut down to the auction id before the shuffle
                return ev.filter(e -> e.type == 2).map(e -> e.bid.auction).returns(Types.LONG)
                    .keyBy(x -> x, Types.LONG).window(SlidingEventTimeWindows.of(Duration.ofSeconds(10), Duration.ofSeconds(2)))
                    .aggregate(new Count<Long>(), new WithEnd(), Types.LONG, Types.LONG, LLL)
                    .windowAll(TumblingEventTimeWindows.of(Duration.ofSeconds(2)))
                    .reduce((x, y) -> x.f1 >= y.f1 ? x : y);
            case "q7":
                return ev.filter(e -> e.type == 2).map(e -> e.bid)
                    .windowAll(TumblingEventTimeWindows.of(Duration.ofSeconds(10)))
                    .reduce((x, y) -> x.price >= y.price ? x : y);
            case "q8": {
                DataStream<Tuple2<Long, String>> ps = ev.filter(e -> e.type == 0).map(e -> Tuple2.of(e.person.id, e.person.name)).returns(Types.TUPLE(Types.LONG, Types.STRING));
                DataStream<Tuple2<Long, Long>> as = ev.filter(e -> e.type == 1).map(e -> Tuple2.of(e.auction.seller, e.auction.id)).returns(LL);
                return ps.join(as).where(x -> x.f0, Types.LONG).equalTo(x -> x.f0, Types.LONG)
                    .window(TumblingEventTimeWindows.of(Duration.ofSeconds(10)))
                    .apply((x, y) -> Tuple3.of(x.f0, x.f1, y.f1), Types.TUPLE(Types.LONG, Types.STRING, Types.LONG));
            }
            default: throw new IllegalArgumentException(job);
        }
    }

    static final class Count<T> implements AggregateFunction<T, Long, Long> {
        @Override public Long createAccumulator() { return 0L; }
        @Override public Long add(T v, Long acc) { return acc + 1; }
        @Override public Long getResult(Long acc) { return acc; }
        @Override public Long merge(Long a, Long b) { return a + b; }
    }
    static final class WithEnd extends ProcessWindowFunction<Long, Tuple3<Long, Long, Long>, Long, TimeWindow> {
        @Override public void process(Long key, Context c, Iterable<Long> in, Collector<Tuple3<Long, Long, Long>> out) {
            out.collect(Tuple3.of(key, in.iterator().next(), c.window().getEnd()));
        }
    }
    static final class Q3 extends RichCoFlatMapFunction<Auction, Person, Tuple5<Long, String, String, String, Long>> {
        transient ValueState<Person> person;
        transient ListState<Long> auctions;
        @Override public void open(OpenContext c) {
            person = getRuntimeContext().getState(new ValueStateDescriptor<>("p", Person.class));
            auctions = getRuntimeContext().getListState(new ListStateDescriptor<>("a", Types.LONG));
        }
        @Override public void flatMap1(Auction a, Collector<Tuple5<Long, String, String, String, Long>> out) throws Exception {
            Person p = person.value();
            if (p != null) out.collect(Tuple5.of(p.id, p.name, p.city, p.state, a.id)); else auctions.add(a.id);
        }
        @Override public void flatMap2(Person p, Collector<Tuple5<Long, String, String, String, Long>> out) throws Exception {
            person.update(p);
            for (Long a : auctions.get()) out.collect(Tuple5.of(p.id, p.name, p.city, p.state, a));
            auctions.clear();
        }
    }
}
