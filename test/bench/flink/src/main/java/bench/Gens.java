package bench;

import org.apache.flink.api.connector.source.SourceOutput;
import org.apache.flink.api.java.tuple.Tuple2;

/**
 * Words, and words with a stamp: x' = (1664525 x + 1013904223) mod 2^32; the word is "w" + (x' >>> 8) % vocab;
 * split i starts at x = i + 1. The strings are made once, as they are in Millrace's source.
 */
public final class Gens {
    private Gens() {}

    static long lcg(long x) { return (x * 1664525L + 1013904223L) & 0xffffffffL; }

    static String[] vocabulary(int size) {
        String[] words = new String[size];
        for (int i = 0; i < size; i++) words[i] = "w" + i;
        return words;
    }

    public static final class Words implements Gen<String> {
        final int vocab;
        transient String[] words;
        public Words(int vocab) { this.vocab = vocab; }
        @Override public void emit(GenSource.Split s, long stamp, SourceOutput<String> out) {
            if (words == null) words = vocabulary(vocab);
            s.x = lcg(s.x);
            out.collect(words[(int) ((s.x >>> 8) % vocab)]);
        }
    }

    public static final class Stamped implements Gen<Tuple2<String, Long>> {
        final int vocab;
        transient String[] words;
        public Stamped(int vocab) { this.vocab = vocab; }
        @Override public void emit(GenSource.Split s, long stamp, SourceOutput<Tuple2<String, Long>> out) {
            if (words == null) words = vocabulary(vocab);
            s.x = lcg(s.x);
            out.collect(Tuple2.of(words[(int) ((s.x >>> 8) % vocab)], stamp));
        }
    }
}
