package bench;

import org.apache.flink.api.connector.source.SourceOutput;

/**
 * The events of `packages/nexmark`: event n is the same function of n, texts included. Split i of P emits n = i, i + P, ...
 */
public final class Nexmark implements Gen<Nexmark.Event> {
    public static final class Event {
        public int type; // 0 person, 1 auction, 2 bid
        public Person person;
        public Auction auction;
        public Bid bid;
    }
    public static final class Person {
        public long id;
        public String name, emailAddress, creditCard, city, state;
        public long dateTime;
        public String extra;
    }
    public static final class Auction {
        public long id;
        public String itemName, description;
        public long initialBid, reserve, dateTime, expires, seller, category;
        public String extra;
    }
    public static final class Bid {
        public long auction, bidder, price;
        public String channel, url;
        public long dateTime;
        public String extra;
    }

    static final String[] FIRST = "Ada,Boris,Clara,Dmitri,Edith,Farid,Greta,Hugo,Ines,Jonas,Kira".split(",");
    static final String[] LAST = "Abel,Brandt,Cruz,Dahl,Eriksen,Fuchs,Garcia,Hansen,Ivanov".split(",");
    static final String[] CITY = "Phoenix,Los Angeles,San Francisco,Boise,Portland,Bend,Redmond,Seattle,Kent,Cheyenne".split(",");
    static final String[] STATE = "AZ,CA,ID,OR,WA,WY".split(",");
    static final String[] HOT_CHANNEL = {"Google", "Facebook", "Baidu", "Apple"};
    static final long[] DECADES = {100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000};
    static final int GOLDEN = 0x9e3779b9, POOL = 65_536, CHANNELS = 10_000;
    static final long FIRST_EVENT_MS = 1_436_918_400_000L; // 2015-07-15T00:00:00Z

    final long stepMicros, meanAuctionMs;
    transient String pool;
    transient String[] hotUrls, names, urls;

    public Nexmark(long stepMicros) {
        this.stepMicros = stepMicros;
        meanAuctionMs = 100L * 50 / 3 * stepMicros / 1000;
    }

    static int mix(int v) {
        int b = v ^ (v >>> 16);
        b *= 0x7feb352d;
        b ^= b >>> 15;
        b *= 0x846ca68b;
        return b ^ (b >>> 16);
    }
    static int seedOf(long n) { return mix((int) n ^ (int) (Math.floorDiv(n, 1L << 32) + 1) * GOLDEN); }
    static long draw(int seed, int index) { return mix(seed + index * GOLDEN) & 0xffffffffL; }
    static long price(long drawn) {
        long from = DECADES[(int) (drawn % 6)];
        return from + drawn / 6 % (9 * from);
    }
    static String pick(String[] of, long drawn) { return of[(int) (drawn % of.length)]; }
    static String digits(int seed, int index) { return String.valueOf(10_000 + draw(seed, index) % 10_000).substring(1); }

    String cut(long drawn, long length) {
        int start = (int) (drawn >>> 16);
        return pool.substring(start, start + (int) length);
    }
    String pad(long drawn, long bytes) {
        long spread = Math.round(bytes * 0.2);
        return cut(drawn, bytes - spread + (drawn & 0xffff) % (2 * spread));
    }
    String url(int seed) {
        return "https://www.nexmark.com/" + cut(draw(seed, 0), 3) + "/" + cut(draw(seed, 1), 4) + "/" + cut(draw(seed, 2), 3) + "/item.htm?query=1";
    }
    void makeTexts() {
        int poolSeed = seedOf(-1), channelSeed = seedOf(-2);
        StringBuilder b = new StringBuilder();
        for (int i = 0; i < POOL + 1_024; i++) b.append((char) (97 + draw(poolSeed, i) % 26));
        pool = b.toString();
        hotUrls = new String[HOT_CHANNEL.length];
        for (int i = 0; i < hotUrls.length; i++) hotUrls[i] = url((int) draw(channelSeed, CHANNELS + i));
        names = new String[CHANNELS];
        urls = new String[CHANNELS];
        for (int i = 0; i < CHANNELS; i++) {
            int seed = (int) draw(channelSeed, i);
            names[i] = "channel-" + i;
            urls[i] = url(seed) + (draw(seed, 3) % 10 > 0 ? "&channel_id=" + draw(seed, 4) % 1_000_000_000 : "");
        }
    }

    static long recentPerson(long last, int seed) { return last - draw(seed, 1) % Math.min(last + 1, 1_000); }

    @Override public void emit(GenSource.Split s, long stamp, SourceOutput<Event> out) {
        if (pool == null) makeTexts();
        long n = s.pos * s.parts + s.part, round = n / 50, offset = n % 50;
        Event e = event(n, round, offset);
        out.collect(e, FIRST_EVENT_MS + n * stepMicros / 1000);
    }

    Event event(long n, long round, long offset) {
        Event e = new Event();
        int seed = seedOf(n);
        long ts = FIRST_EVENT_MS + n * stepMicros / 1000;
        if (offset > 3) {
            e.type = 2;
            e.bid = bid(seed, ts, round);
        } else if (offset == 0) {
            e.person = person(seed, ts, round);
        } else {
            e.type = 1;
            e.auction = auction(seed, ts, round, offset - 1);
        }
        return e;
    }
    Person person(int seed, long ts, long round) {
        Person p = new Person();
        long names = draw(seed, 0), first = draw(seed, 1), second = draw(seed, 2);
        p.id = 1_000 + round;
        p.name = pick(FIRST, names) + " " + pick(LAST, names >>> 8);
        p.emailAddress = cut(first, 3 + (first & 3)) + "@" + cut(second, 3 + (second & 1)) + ".com";
        p.creditCard = digits(seed, 3) + " " + digits(seed, 4) + " " + digits(seed, 5) + " " + digits(seed, 6);
        p.city = pick(CITY, draw(seed, 7));
        p.state = pick(STATE, draw(seed, 8));
        p.dateTime = ts;
        p.extra = pad(draw(seed, 9), 200 - 16 - p.name.length() - p.emailAddress.length() - p.creditCard.length() - p.city.length() - p.state.length());
        return p;
    }
    Auction auction(int seed, long ts, long round, long index) {
        Auction a = new Auction();
        long item = draw(seed, 3), text = draw(seed, 4);
        a.id = 1_000 + round * 3 + index;
        a.itemName = cut(item, 3 + (item & 15));
        a.description = cut(text, 3 + (text & 0xffff) % 97);
        a.initialBid = price(draw(seed, 2));
        a.reserve = a.initialBid + price(draw(seed, 5));
        a.dateTime = ts;
        a.expires = ts + 1 + draw(seed, 6) % (2 * meanAuctionMs + 1);
        a.seller = 1_000 + (draw(seed, 0) % 4 > 0 ? round / 100 * 100 : recentPerson(round, seed));
        a.category = 10 + draw(seed, 7) % 5;
        a.extra = pad(draw(seed, 8), 500 - 56 - a.itemName.length() - a.description.length());
        return a;
    }
    Bid bid(int seed, long ts, long round) {
        Bid b = new Bid();
        long choices = draw(seed, 0), last = round * 3 + 2, choice = draw(seed, 3), drawn = draw(seed, 4);
        b.auction = 1_000 + (choices % 2 > 0 ? last - last % 100 : last - draw(seed, 2) % Math.min(last + 1, 100));
        b.bidder = 1_000 + ((choices >>> 8) % 4 > 0 ? Math.min(round - round % 100 + 1, round) : recentPerson(round, seed));
        b.price = price(draw(seed, 5));
        boolean hot = (choice & 1) == 0;
        b.channel = pick(hot ? HOT_CHANNEL : names, choice >>> 1);
        b.url = pick(hot ? hotUrls : urls, choice >>> 1);
        b.dateTime = ts;
        b.extra = cut(drawn, 68 - 14 + drawn % 28);
        return b;
    }

    /** Prints event n as text, to be compared with Millrace's: arguments are the step and the numbers. */
    public static void main(String[] v) {
        Nexmark g = new Nexmark(Long.parseLong(v[0]));
        g.makeTexts();
        for (int i = 1; i < v.length; i++) {
            long n = Long.parseLong(v[i]);
            Event e = g.event(n, n / 50, n % 50);
            Person p = e.person;
            Auction a = e.auction;
            Bid b = e.bid;
            if (p != null) print(p.id, p.name, p.emailAddress, p.creditCard, p.city, p.state, p.dateTime, p.extra);
            if (a != null) print(a.id, a.itemName, a.description, a.initialBid, a.reserve, a.dateTime, a.expires, a.seller, a.category, a.extra);
            if (b != null) print(b.auction, b.bidder, b.price, b.channel, b.url, b.dateTime, b.extra);
        }
    }
    static void print(Object... fields) {
        StringBuilder line = new StringBuilder();
        for (Object f : fields) line.append(line.length() == 0 ? "" : "|").append(f);
        System.out.println(line);
    }
}
