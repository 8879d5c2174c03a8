#!/usr/bin/env python3
"""What lizard says of functions in each language that precis knows too, for test_metrics.

usage: make_metrics.py > tests/golden/code/metrics.json     (lizard is in requirements.txt)

[{"file", "text", "functions": [{"name", "line", "complexity", "parameters"}]}] with lines as lizard has them: where
the name is. Only what lizard reads rightly is here; where it does not, test_metrics says what is right."""
import json

import lizard

SNIPPETS = {
    "a.c": r"""
#include <stdio.h>

static int nothing(void) { return 0; }

/* if (this) is no code */
int clamp(int value, int low, int high) {
    return value < low ? low : value > high ? high : value;
}

int count(const char *text, int mode)
{
    int n = 0;
    for (const char *p = text; *p; p++) {
        switch (mode) {
        case 0:
        case 1:
            n += *p == 'x' && p[1] == 'y';
            break;
        default:
            do {
                n++;
            } while (n < 3 || *p == ';');
        }
    }
    while (n > 10)
        n /= 2;
    puts("if (a && b) while");
#ifdef DEBUG
    if (n)
        goto out;
#elif defined(OTHER) && !defined(THAT)
    n++;
#endif
#ifndef QUIET
    n--;
#endif
out:
    return n;
}
""",
    "b.cpp": r"""
#include <vector>

namespace space {

class Bag {
public:
    explicit Bag(int n) : size(n > 0 ? n : 1) {}
    ~Bag() { if (size) size = 0; }
    int total(const std::vector<int> &list, int start) const {
        int sum = start;
        for (int x : list)
            sum += x > 0 && x < 100 ? x : 0;
        return sum;
    }
    bool operator==(const Bag &other) const { return size == other.size || size == 0; }
private:
    int size;
};

template <typename T> T largest(T a, T b) {
    T &&kept = static_cast<T &>(a);
    return kept > b ? kept : b;
}

}

int space_run(int n) {
    auto step = [](int x) { if (x > 3) return 1; return 2; };
    try {
        while (n--)
            step(n);
    } catch (const int &e) {
        return e;
    } catch (...) {
        return 1;
    }
    return 0;
}
""",
    "c.cs": r"""
using System;

namespace Shop
{
    class Order
    {
        public Order(int n) { if (n > 0) { count = n; } }

        public string Name(string given, string other)
        {
            var chosen = given ?? other;
            int? length = chosen?.Length;
            foreach (var c in chosen)
            {
                if (c == 'x' || c == 'y') { return "odd"; }
            }
            switch (length)
            {
                case 1: return "one";
                case 2: return "two";
                default: return chosen;
            }
        }

        public int Sum(int[] list)
        {
            int sum = 0;
            try { for (int i = 0; i < list.Length; i++) { sum += list[i]; } }
            catch (Exception) { sum = -1; }
            finally { count++; }
            return sum;
        }

        public int Sign(int n) => n < 0 ? -1 : 1;

        private int count;
    }
}
""",
    "d.go": r"""
package shop

import "errors"

type Cart struct{ items []int }

func New() *Cart { return &Cart{} }

func (c *Cart) Add(item, count int, name string) error {
	if item < 0 || count == 0 {
		return errors.New("if for case")
	}
	for i := 0; i < count && i < 10; i++ {
		c.items = append(c.items, item)
	}
	return nil
}

func Wait(done chan bool, in chan int) int {
	for {
		select {
		case <-done:
			return 0
		case n := <-in:
			switch {
			case n > 3:
				return n
			default:
			}
		}
	}
}

func Each[T any](list []T, f func(T) bool) {
	for _, item := range list {
		go func() {
			if f(item) {
				return
			}
		}()
	}
}
""",
    "E.java": r"""
package shop;

import java.util.List;
import java.util.Map;

class Order {
    private final int count;

    Order(int n) {
        count = n > 0 ? n : 1;
    }

    @Override
    public String toString() {
        return "if && case";
    }

    int sum(List<? extends Number> list, Map<String, ?> more) throws Exception {
        int sum = 0;
        for (Number n : list) {
            if (n == null || more.isEmpty()) {
                continue;
            }
            sum += n.intValue();
        }
        list.forEach(n -> { if (n != null) { more.remove(n); } });
        try {
            do { sum--; } while (sum > 100);
        } catch (RuntimeException e) {
            throw e;
        } finally {
            sum++;
        }
        return sum;
    }

    Runnable later(int kind) {
        switch (kind) {
            case 1: return null;
            case 2: break;
            default: kind++;
        }
        return new Runnable() {
            public void run() {
                while (count > 0) {
                    return;
                }
            }
        };
    }
}
""",
    "f.js": r"""
function plain(a, b) {
  if (a && b) return a;
  return a ? 'if (x)' : b ?? null;
}

const arrow = (list, size = 10) => {
  for (const item of list) {
    if (item > size || item === 0) continue;
    size -= item;
  }
  return size;
};

class Queue {
  constructor(limit) {
    this.limit = limit;
  }
  push(item) {
    try {
      while (this.full) this.drop();
    } catch (e) {
      return false;
    }
    return this.list?.push(item);
  }
}

function kinds(kind) {
  switch (kind) {
    case 1:
    case 2:
      return `low ${kind}`;
    default:
      return 'high';
  }
}
""",
    "g.php": r"""<?php

namespace Shop;

class Order
{
    private $count = 0;

    public function add(int $item, ?string $name = null)
    {
        if ($item > 3 && $name) {
            $this->count++;
        } elseif ($item || !$name) {
            return $name ?? 'if';
        }
        foreach ($this->list as $one) {
            while ($one > 0) { $one--; }
        }
        return $item ? 1 : 2;
    }

    public function kind($kind)
    {
        switch ($kind) {
            case 1:
                return 'one';
            case 2:
                return 'two';
            default:
                try {
                    for ($i = 0; $i < 3; $i++) { $kind .= $i; }
                } catch (\Exception $e) {
                    return null;
                }
        }
        return match (true) {
            $kind > 3 => 'big',
            default => 'small',
        };
    }
}

function each_one(array $list, $f)
{
    return array_map(function ($x) use ($f) { return $x ? $f($x) : null; }, $list);
}
""",
    "h.py": '''
"""if and or"""


def plain(a, b=1, *rest, key=None):
    """Returns a if b, or while."""
    if a and b or key:
        return a
    elif rest:
        return [x for x in rest if x]
    return "for" if key else None


class Queue:
    def __init__(self):
        self.items = []

    async def push(self, item: int) -> bool:
        try:
            async for other in self.others():
                while other:
                    other -= 1
        except (ValueError, TypeError):
            return False
        finally:
            self.items.append(item)
        assert item
        return True


def outer(n):
    def inner(m):
        if m:
            return 1
        return 2

    for i in range(n):
        inner(i)
    match n:
        case 1:
            return f"{1 if n else 2}"
        case _:
            return lambda x: x or n
''',
    "i.rb": r"""
module Shop
  class Order
    def initialize(count = 1)
      @count = count
    end

    def add(item, name)
      return nil unless item
      if item > 3 && name
        @count += 1
      elsif item.zero? || !name
        return 'if'
      end
      @name ||= name
      while @count > 3 do
        @count -= 1
      end
      @count.positive? ? 1 : 2
    end

    def self.kind(kind)
      case kind
      when 1, 2 then 'low'
      when 3 then 'middle'
      else 'high'
      end
    end

    def safe(list)
      list.each do |x|
        raise 'odd' if x.odd? and x > 3
      end
    rescue ArgumentError
      nil
    ensure
      @count = 0
    end
  end
end
""",
    "j.rs": r"""
struct Queue { items: Vec<u32> }

impl Queue {
    fn new() -> Self { Queue { items: Vec::new() } }

    pub fn push(&mut self, item: u32, limit: Option<u32>) -> Result<(), String> {
        let Some(limit) = limit else { return Err("if".into()) };
        if item > limit && item != 7 {
            return Err(format!("{}", item));
        } else if item == 0 {
            self.check(item)?;
        }
        match item {
            1 | 2 => self.items.push(1),
            n if n > 100 => self.items.push(100),
            _ => {
                while let Some(last) = self.items.pop() {
                    match last { 0 => break, _ => {} }
                }
            }
        }
        Ok(())
    }

    fn check(&self, item: u32) -> Result<(), String> {
        let spare = self.items.iter().map(|x| if *x > 3 { 1 } else { 2 }).sum::<u32>();
        assert!(spare > 1 || item > 0);
        self.items.first().copied().ok_or_else(|| "none".to_string())?;
        Ok(())
    }
}

fn apply<F>(f: F, list: &[u32]) -> u32
where
    F: Fn(u32) -> u32,
{
    fn inner(x: u32) -> u32 { if x > 1 { 1 } else { 0 } }
    let mut sum = 0;
    for x in list {
        sum += f(inner(*x));
    }
    loop { break sum }
}
""",
    "k.ts": r"""
interface Shape { name: string; size?: number }

export function area(shape: Shape, scale: number = 1): number {
  if (!shape.size) return 0;
  return shape.size > 3 && scale ? shape.size * scale : 1;
}

class Box<T> {
  private items: T[] = [];
  constructor(private limit: number) {}
  add(item: T, force?: boolean): boolean {
    for (const other of this.items) {
      if (other === item || force) return false;
    }
    switch (this.limit) {
      case 0:
        return false;
      default:
        return true;
    }
  }
}
""",
    "l.tsx": r"""
export function List(props: Props) {
  const items = props.items || [];
  while (items.length > 3) {
    items.pop();
  }
  return <ul class="if">{items.length ? <li>more</li> : null}</ul>;
}
""",
}


def base_name(name):
    name = name.split("::")[-1].split(".")[-1].replace(" ", "")
    return None if "anonymous" in name else name


def functions(name, text):
    found = lizard.analyze_file.analyze_source_code(name, text).function_list
    return [{"name": base_name(f.name), "line": f.start_line, "complexity": f.cyclomatic_complexity,
             # of PHP's it takes all for one
             "parameters": None if name.endswith(".php") else f.parameter_count}
            for f in sorted(found, key=lambda f: f.start_line)]


def main():
    print(json.dumps([{"file": name, "text": text, "functions": functions(name, text)}
                      for name, text in SNIPPETS.items()], indent=1))


if __name__ == "__main__":
    main()
