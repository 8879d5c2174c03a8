<?php
/** File. */
namespace N;
/** Doc. */
#[Attr]
class C extends D implements I {
  const K = 1;
  /** p */
  private int $p = 1;
  /** M */
  public function m(int $a): int { return 1; }
  public function __construct() {}
}
interface I { function q(); }
trait T { }
enum E: int { case A = 1; }
/** f */
function f($x) {}
