using System;
namespace N {
/// <summary>Doc of C.</summary>
[Attr]
public class C : D {
  private int f;
  public int P { get; set; }
  public C(int x) {}
  /// <summary>M does.</summary>
  public int M() { return 1; }
  enum E { A, B }
  struct S {}
  interface I { void Q(); }
  record R(int A);
  delegate void Dl(int x);
}
}
