import React from 'react';

interface Props { label: string; onPress?: () => void }

/** Draws a button that can be pressed. */
export const Button = ({ label, onPress }: Props) => {
  const shown = label.trim();
  return <button onClick={onPress}>{shown}</button>;
};

export default function App() {
  return <Button label="press here" />;
}
