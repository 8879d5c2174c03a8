package p;
import java.util.*;
/** Doc of A. */
@Ann
public class A<T> extends B {
  /** f */
  private int f = 1, g;
  /** ctor */
  public A(int x) {}
  @Override
  public int m(String s) throws E { return 1; }
  enum K { X, Y(1); K(){} }
  interface J { void q(); }
  record R(int a) {}
  @interface An { int v(); }
}
