package bench;

import java.io.*;
import java.nio.file.*;

/** Log-linear histogram of nanoseconds: 64 steps per power of two (error under 1.6 %). */
public final class Hist {
    final long[] c = new long[64 * 64];
    static int idx(long v) {
        if (v < 64) return (int) Math.max(v, 0);
        int e = 63 - Long.numberOfLeadingZeros(v);
        return (e - 5) * 64 + (int) (v >>> (e - 6)) - 64;
    }
    static long val(int i) {
        if (i < 64) return i;
        int e = i / 64 + 5;
        return (64L + i % 64) << (e - 6);
    }
    public void add(long v) { c[idx(v)]++; }
    public void save(String f) throws IOException {
        StringBuilder b = new StringBuilder();
        for (int i = 0; i < c.length; i++) if (c[i] > 0) b.append(i).append(' ').append(c[i]).append('\n');
        Files.writeString(Path.of(f), b);
    }
    public void load(Path f) throws IOException {
        for (String l : Files.readAllLines(f)) { String[] p = l.split(" "); c[Integer.parseInt(p[0])] += Long.parseLong(p[1]); }
    }
    public String summary() {
        long n = 0;
        for (long v : c) n += v;
        StringBuilder b = new StringBuilder("\"samples\":" + n);
        double[] q = {0.5, 0.9, 0.99, 0.999, 1};
        String[] name = {"p50", "p90", "p99", "p999", "max"};
        for (int k = 0; k < q.length; k++) {
            long want = (long) Math.ceil(q[k] * n), seen = 0;
            int i = 0;
            while (i < c.length - 1 && (seen += c[i]) < want) i++;
            b.append(String.format(",\"%s_ms\":%.3f", name[k], val(i) / 1e6));
        }
        return b.toString();
    }
}
